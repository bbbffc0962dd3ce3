// Softmax and its gradients along any axis, with the formulas of softmax_reference.cc and its order of sums: 16 lanes a line, most of
// which they keep in registers. Memory is the limit.
#include "../../cuda/powers.cuh"
#include "../../op.h"
#include "work.h"

namespace lowbit {
namespace {

// body(start, lane, n) for the lines along an axis: n elements, axis.inner apart, of which the first is at `start`.
template <class F> DEVICE void eachLine(const Axis& axis, F body) {
  eachLine(axis.outer * axis.inner, axis.length,
           [&](int64_t line, int lane, int64_t n) { body(line / axis.inner * axis.length * axis.inner + line % axis.inner, lane, n); });
}

template <class T> __global__ void softmaxLines(const T* __restrict__ x, T* __restrict__ y, Axis axis) {
  eachLine(axis, [&](int64_t start, int lane, int64_t n) {
    const auto elements = elementsOf([=](int64_t i) { return number(x[start + i * axis.inner]); }, lane, n);
    const Powers<Work<T>> powers(elements);
    [[maybe_unused]] const float factor = static_cast<float>(1 / powers.sum);
    elements.each([&](int64_t i, Work<T> value) {
      value = power(value - powers.most);
      if constexpr (std::is_same_v<T, float>) y[start + i * axis.inner] = value * factor;
      else y[start + i * axis.inner] = static_cast<T>(value / powers.sum);
    });
  });
}

template <class T> __global__ void logSoftmaxLines(const T* __restrict__ x, T* __restrict__ y, Axis axis) {
  eachLine(axis, [&](int64_t start, int lane, int64_t n) {
    const auto elements = elementsOf([=](int64_t i) { return number(x[start + i * axis.inner]); }, lane, n);
    const Powers<Work<T>> powers(elements);
    const double logarithm = log(powers.sum);
    elements.each([&](int64_t i, Work<T> value) {
      y[start + i * axis.inner] = static_cast<T>(static_cast<double>(value) - static_cast<double>(powers.most) - logarithm);
    });
  });
}

template <class W> struct Pair {
  W dy, y;
};

template <class T> __global__ void softmaxGradLines(const T* __restrict__ dy, const T* __restrict__ y, T* __restrict__ dx, Axis axis) {
  eachLine(axis, [&](int64_t start, int lane, int64_t n) {
    const auto pairs = elementsOf(
        [=](int64_t i) {
          return Pair<Work<T>>{number(dy[start + i * axis.inner]), number(y[start + i * axis.inner])};
        },
        lane, n);
    double part = 0;
    pairs.each([&](int64_t, Pair<Work<T>> of) { part = __fma_rn(of.dy, of.y, part); });
    const Work<T> mean = static_cast<Work<T>>(foldLanes(part));
    pairs.each([&](int64_t i, Pair<Work<T>> of) { dx[start + i * axis.inner] = static_cast<T>(of.y * (of.dy - mean)); });
  });
}

template <class T> __global__ void logSoftmaxGradLines(const T* __restrict__ dy, const T* __restrict__ y, T* __restrict__ dx, Axis axis) {
  eachLine(axis, [&](int64_t start, int lane, int64_t n) {
    const auto gradients = elementsOf([=](int64_t i) { return number(dy[start + i * axis.inner]); }, lane, n);
    double part = 0;
    gradients.each([&](int64_t, Work<T> g) { part += static_cast<double>(g); });
    const Work<T> total = static_cast<Work<T>>(foldLanes(part));
    gradients.each([&](int64_t i, Work<T> g) {
      const int64_t at = start + i * axis.inner;
      dx[at] = static_cast<T>(fma(-power(number(y[at])), total, g));
    });
  });
}

// body(T(), axis, launch) where there is anything to do
template <class F> bool withLines(const View& x, int64_t axisIndex, F body) {
  const Axis axis(x, axisIndex);
  if (!x.size()) return true;
  return withReal(x.dtype, [&]<class T>(T type) { body(type, axis, launchOfLines(axis.outer * axis.inner)); });
}

}  // namespace

bool softmax_cuda(const softmax_call& c) {
  return withLines(c.x, c.axis.integer(), [&]<class T>(T, const Axis& axis, const Launch& launch) {
    run(softmaxLines<T>, launch, c.x.as<T>(), c.y.as<T>(), axis);
  });
}
bool logSoftmax_cuda(const logSoftmax_call& c) {
  return withLines(c.x, c.axis.integer(), [&]<class T>(T, const Axis& axis, const Launch& launch) {
    run(logSoftmaxLines<T>, launch, c.x.as<T>(), c.y.as<T>(), axis);
  });
}
bool softmaxGrad_cuda(const softmaxGrad_call& c) {
  return withLines(c.y, c.axis.integer(), [&]<class T>(T, const Axis& axis, const Launch& launch) {
    run(softmaxGradLines<T>, launch, c.dy.as<T>(), c.y.as<T>(), c.dx.as<T>(), axis);
  });
}
bool logSoftmaxGrad_cuda(const logSoftmaxGrad_call& c) {
  return withLines(c.y, c.axis.integer(), [&]<class T>(T, const Axis& axis, const Launch& launch) {
    run(logSoftmaxGradLines<T>, launch, c.dy.as<T>(), c.y.as<T>(), c.dx.as<T>(), axis);
  });
}

}  // namespace lowbit
