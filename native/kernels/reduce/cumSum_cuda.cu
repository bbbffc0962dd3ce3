// Running sums along an axis on the card (cumSum_reference.cc), a thread for each line.
#include "../../core/axis.h"
#include "../../cuda/reduce.cuh"
#include "../../op.h"

namespace lowbit {
namespace {

template <class T> __global__ void runningSums(const T* __restrict__ x, T* __restrict__ y, Axis axis, bool exclusive, bool reverse) {
  FOR_EACH(line, axis.outer * axis.inner) {
    const int64_t start = line / axis.inner * axis.size * axis.inner + line % axis.inner;
    double sum = 0;
    for (int64_t n = 0; n < axis.size; n++) {
      const int64_t at = start + (reverse ? axis.size - 1 - n : n) * axis.inner;
      const double before = sum;
      sum += static_cast<double>(x[at]);
      y[at] = static_cast<T>(exclusive ? before : sum);
    }
  }
}

}  // namespace

bool cumSum_cuda(const cumSum_call& c) {
  return asFloating(c.x.dtype, [&]<class T>(T) {
    const Axis axis = axisOf(c.x, c.axis.integer());
    if (c.x.size())
      run(runningSums<T>, launchOver(axis.outer * axis.inner, 128), c.x.as<T>(), c.y.as<T>(), axis, c.exclusive != 0, c.reverse != 0);
  });
}

}  // namespace lowbit
