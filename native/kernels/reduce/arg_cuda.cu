// The indices of extremes (arg_reference.cc says which) along an axis, of float32 and float64: 16 lanes a line.
#include "../../core/axis.h"
#include "../../cuda/reduce.cuh"
#include "../../op.h"

namespace lowbit {
namespace {

struct Above {
  template <class T> DEVICE bool operator()(T a, T b) const { return a > b; }
};
struct Below {
  template <class T> DEVICE bool operator()(T a, T b) const { return a < b; }
};

template <class T> struct Found {
  T value;
  int64_t index;  // -1 where nothing is
};

// The better of two elements; the first has the lower index.
template <class T, class Beats> DEVICE Found<T> better(Found<T> a, Found<T> b, bool selectLast, Beats beats) {
  if (a.index < 0 || b.index < 0) return b.index < 0 ? a : b;
  const bool numbers = a.value == a.value && b.value == b.value;
  const bool second =
      numbers ? beats(b.value, a.value) || (selectLast && a.value == b.value) : b.value != b.value && (a.value == a.value || selectLast);
  return second ? b : a;
}

template <class T, class Beats>
__global__ void findAlong(const T* __restrict__ x, int64_t* __restrict__ y, Axis axis, bool selectLast, Beats beats) {
  eachLine(axis.outer * axis.inner, axis.size, [&](int64_t line, int lane, int64_t n) {
    const T* from = x + line / axis.inner * axis.size * axis.inner + line % axis.inner;
    Found<T> best{0, -1};
    for (int64_t i = lane; i < n; i += kLineLanes) best = better(best, Found<T>{from[i * axis.inner], i}, selectLast, beats);
    for (int half = kLineLanes / 2; half; half /= 2) {
      const Found<T> other{__shfl_xor_sync(kAllLanes, best.value, half), __shfl_xor_sync(kAllLanes, best.index, half)};
      best = best.index < other.index ? better(best, other, selectLast, beats) : better(other, best, selectLast, beats);
    }
    if (n && lane == 0) y[line] = best.index;
  });
}

template <class C, class Beats> bool arg(const C& c, Beats beats) {
  return asFloating(c.x.dtype, [&]<class T>(T) {
    const Axis axis = axisOf(c.x, c.axis.integer());
    const int64_t lines = axis.outer * axis.inner;
    EXPECT((axis.size > 0 || !lines) && c.y.size() == lines);
    if (lines)
      run(findAlong<T, Beats>, launchOfLines(lines), c.x.template as<T>(), c.y.template as<int64_t>(), axis, c.selectLast != 0, beats);
  });
}

}  // namespace

bool argMax_cuda(const argMax_call& c) { return arg(c, Above()); }
bool argMin_cuda(const argMin_call& c) { return arg(c, Below()); }

}  // namespace lowbit
