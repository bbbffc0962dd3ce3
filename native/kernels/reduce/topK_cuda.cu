// The positions of the best elements along an axis on the card, in the order of topK_reference.cc: 16 lanes look k times for the best of
// those that come after the last one found. Few are asked for; of many this is slow.
#include "../../core/axis.h"
#include "../../cuda/reduce.cuh"
#include "../../op.h"

namespace lowbit {
namespace {

template <class T> struct Candidate {
  T value;
  int64_t index;  // -1 where nothing is
};

// Whether a comes before b. All elements of a line have an order, for their positions differ.
template <class T> DEVICE bool before(Candidate<T> a, Candidate<T> b, bool largest) {
  if (a.index < 0 || b.index < 0) return a.index >= 0;
  const bool aNaN = a.value != a.value, bNaN = b.value != b.value;
  if (aNaN != bNaN) return aNaN == largest;
  if (aNaN || a.value == b.value) return a.index < b.index;
  return largest ? a.value > b.value : a.value < b.value;
}

template <class T> __global__ void bestAlong(const T* __restrict__ x, int64_t* __restrict__ y, Axis axis, int64_t k, bool largest) {
  eachLine(axis.outer * axis.inner, axis.size, [&](int64_t line, int lane, int64_t n) {
    const int64_t row = line / axis.inner, column = line % axis.inner;
    const T* from = x + row * axis.size * axis.inner + column;
    Candidate<T> last{0, -1};
    for (int64_t found = 0; found < k; found++) {
      Candidate<T> best{0, -1};
      for (int64_t i = lane; i < n; i += kLineLanes) {
        const Candidate<T> candidate{from[i * axis.inner], i};
        if ((last.index < 0 || before(last, candidate, largest)) && before(candidate, best, largest)) best = candidate;
      }
      for (int half = kLineLanes / 2; half; half /= 2) {
        const Candidate<T> other{__shfl_xor_sync(kAllLanes, best.value, half), __shfl_xor_sync(kAllLanes, best.index, half)};
        if (before(other, best, largest)) best = other;
      }
      if (n && lane == 0) y[(row * k + found) * axis.inner + column] = best.index;
      last = best;
    }
  });
}

}  // namespace

bool topK_cuda(const topK_call& c) {
  return asFloating(c.x.dtype, [&]<class T>(T) {
    const Axis axis = axisOf(c.x, c.axis.integer());
    const int64_t k = c.k.integer(), lines = axis.outer * axis.inner;
    EXPECT(k >= 0 && k <= axis.size && c.y.size() == lines * k);
    if (c.y.size()) run(bestAlong<T>, launchOfLines(lines), c.x.as<T>(), c.y.as<int64_t>(), axis, k, c.largest != 0);
  });
}

}  // namespace lowbit
