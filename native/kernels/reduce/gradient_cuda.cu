// Gradients of extremes and products on the card (gradient_reference.cc has the formulas): a thread for each result walks its elements
// twice, in the order of x.
#include "../../cuda/reduce.cuh"
#include "../../op.h"
#include "reduction.h"

namespace lowbit {
namespace {

// visit(at) for all elements x[at] behind a result
template <class F> DEVICE void eachElement(const Reduction& plan, int64_t result, F visit) {
  const int64_t from = plan.start(result / plan.width) + result % plan.width, step = plan.step();
  plan.eachRun(0, plan.count, [&](int64_t at, int64_t n) {
    for (int64_t i = 0; i < n; i++) visit(from + at + i * step);
  });
}

template <class T>
__global__ void shareAmongEqual(const T* __restrict__ dy, const T* __restrict__ x, const T* __restrict__ y, T* __restrict__ dx,
                                Reduction plan) {
  FOR_EACH(result, plan.outer * plan.width) {
    const T most = y[result];
    double equal = 0;
    eachElement(plan, result, [&](int64_t at) { equal += x[at] == most; });
    const double share = static_cast<double>(dy[result]) / equal;
    eachElement(plan, result, [&](int64_t at) { dx[at] = static_cast<T>(x[at] == most ? share : 0); });
  }
}

template <class T> __global__ void multiplyOthers(const T* __restrict__ dy, const T* __restrict__ x, T* __restrict__ dx, Reduction plan) {
  FOR_EACH(result, plan.outer * plan.width) {
    double product = static_cast<double>(dy[result]);
    int64_t zeros = 0;
    eachElement(plan, result, [&](int64_t at) {
      const double value = static_cast<double>(x[at]);
      if (value == 0) zeros++;
      else product *= value;
    });
    eachElement(plan, result, [&](int64_t at) {
      const double value = static_cast<double>(x[at]);
      const bool alone = zeros == (value == 0);
      dx[at] = static_cast<T>(!alone ? 0 : value == 0 ? product : product / value);
    });
  }
}

}  // namespace

bool reduceMaxGrad_cuda(const reduceMaxGrad_call& c) {
  return asFloating(c.dx.dtype, [&]<class T>(T) {
    const Reduction plan(c.x, axesOf(c.x, c.axes));
    EXPECT(c.dy.size() == plan.outer * plan.width && c.y.size() == c.dy.size());
    if (c.dx.size()) run(shareAmongEqual<T>, launchOver(c.dy.size(), 128), c.dy.as<T>(), c.x.as<T>(), c.y.as<T>(), c.dx.as<T>(), plan);
  });
}

bool reduceProdGrad_cuda(const reduceProdGrad_call& c) {
  return asFloating(c.dx.dtype, [&]<class T>(T) {
    const Reduction plan(c.x, axesOf(c.x, c.axes));
    EXPECT(c.dy.size() == plan.outer * plan.width);
    if (c.dx.size()) run(multiplyOthers<T>, launchOver(c.dy.size(), 128), c.dy.as<T>(), c.x.as<T>(), c.dx.as<T>(), plan);
  });
}

}  // namespace lowbit
