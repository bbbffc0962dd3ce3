// Along one axis, m the largest x of the line and Σ a double in the order of core/interleaved.h:
//   softmax         y = e^(x − m) / Σ e^(x − m)                of float32: e^(x − m)·f32(1 / Σ)
//   logSoftmax      y = (x − m) − log Σ e^(x − m)              in double, rounded once
//   softmaxGrad     dx = y·(dy − Σ dy·y)
//   logSoftmaxGrad  dx = dy − e^y·Σ dy                         of float32: one multiply-add
// Exponentials of float32 are those of cpu/f32/functions.h, of other types double.
#include <cmath>

#include "../../core/interleaved.h"
#include "../../cpu/f32/functions.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "work.h"

namespace lowbit {
namespace {

float power(float x) { return exponential(x); }
double power(double x) { return std::exp(x); }

// One line of a tensor, its elements `step` apart.
template <class T> struct Line {
  T* data;
  int64_t step;
  Work<T> operator[](int64_t i) const { return number(data[i * step]); }
  void put(int64_t i, double value) const { data[i * step] = static_cast<T>(value); }
};

// body(lineOf, length): lineOf(tensor) is this line of a tensor of the shape of `view`.
template <class T, class F> void eachLine(const View& view, int64_t axisIndex, F body) {
  const Axis axis(view, axisIndex);
  const int64_t length = axis.length, inner = axis.inner;
  parallel(axis.outer * inner, 1024 / (length + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; line++) {
      const int64_t start = line / inner * length * inner + line % inner;
      body([=](const View& tensor) { return Line<T>{tensor.as<T>() + start, inner}; }, length);
    }
  });
}

template <class T> Work<T> largest(const Line<T>& x, int64_t length) {
  Work<T> most = -INFINITY;
  for (int64_t i = 0; i < length; i++) most = x[i] > most ? x[i] : most;
  return most;
}

template <class T> double sumOfPowers(const Line<T>& x, int64_t length, Work<T> most) {
  InterleavedSum sum;
  for (int64_t i = 0; i < length; i++) sum.add(i, power(x[i] - most));
  return sum.total();
}

template <class T> T quotient(double numerator, double sum) {
  if constexpr (std::is_same_v<T, float>) return static_cast<float>(numerator) * static_cast<float>(1 / sum);
  else return static_cast<T>(numerator / sum);
}

}  // namespace

bool softmax_reference(const softmax_call& c) {
  return withReal(c.x.dtype, [&]<class T>(T) {
    eachLine<T>(c.x, c.axis.integer(), [&](auto lineOf, int64_t length) {
      const Line<T> x = lineOf(c.x), y = lineOf(c.y);
      const auto most = largest(x, length);
      const double sum = sumOfPowers(x, length, most);
      for (int64_t i = 0; i < length; i++) y.data[i * y.step] = quotient<T>(power(x[i] - most), sum);
    });
  });
}

bool logSoftmax_reference(const logSoftmax_call& c) {
  return withReal(c.x.dtype, [&]<class T>(T) {
    eachLine<T>(c.x, c.axis.integer(), [&](auto lineOf, int64_t length) {
      const Line<T> x = lineOf(c.x), y = lineOf(c.y);
      const auto most = largest(x, length);
      const double logarithm = std::log(sumOfPowers(x, length, most));
      for (int64_t i = 0; i < length; i++) y.put(i, static_cast<double>(x[i]) - static_cast<double>(most) - logarithm);
    });
  });
}

bool softmaxGrad_reference(const softmaxGrad_call& c) {
  return withReal(c.y.dtype, [&]<class T>(T) {
    eachLine<T>(c.y, c.axis.integer(), [&](auto lineOf, int64_t length) {
      const Line<T> dy = lineOf(c.dy), y = lineOf(c.y), dx = lineOf(c.dx);
      InterleavedSum sum;
      for (int64_t i = 0; i < length; i++) sum.addProduct(i, dy[i], y[i]);
      const auto mean = static_cast<Work<T>>(sum.total());
      for (int64_t i = 0; i < length; i++) dx.put(i, y[i] * (dy[i] - mean));
    });
  });
}

bool logSoftmaxGrad_reference(const logSoftmaxGrad_call& c) {
  return withReal(c.y.dtype, [&]<class T>(T) {
    eachLine<T>(c.y, c.axis.integer(), [&](auto lineOf, int64_t length) {
      const Line<T> dy = lineOf(c.dy), y = lineOf(c.y), dx = lineOf(c.dx);
      InterleavedSum sum;
      for (int64_t i = 0; i < length; i++) sum.add(i, dy[i]);
      const auto total = static_cast<Work<T>>(sum.total());
      for (int64_t i = 0; i < length; i++) dx.put(i, std::fma(-power(y[i]), total, dy[i]));
    });
  });
}

}  // namespace lowbit
