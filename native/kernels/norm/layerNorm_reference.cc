// Layer normalization and its gradients, one line at a time, as layerNorm.h defines them.
#include <cmath>
#include <vector>

#include "../../core/interleaved.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "layerNorm.h"
#include "work.h"

namespace lowbit {
namespace {

// A tensor repeated to the last dimensions of x, `width` elements.
template <class T> std::vector<Work<T>> expanded(const View& operand, const View& x, int64_t width) {
  std::vector<Work<T>> all(static_cast<size_t>(width));
  for (size_t i = 0; i < all.size(); i++) {
    int64_t rest = static_cast<int64_t>(i), at = 0, step = 1;
    for (int d = x.rank - 1, e = operand.rank - 1; e >= 0; d--, e--) {
      EXPECT(d >= 0 && (operand.shape[e] == 1 || operand.shape[e] == x.shape[d]));
      if (operand.shape[e] > 1) at += rest % x.shape[d] * step;
      rest /= x.shape[d];
      step *= operand.shape[e];
    }
    all[i] = number(operand.as<T>()[at]);
  }
  return all;
}

template <class T> Standard<Work<T>> standardOf(const T* x, int64_t width, double epsilon) {
  const double first = width ? number(x[0]) : 0;
  InterleavedSum sum, squares;
  for (int64_t i = 0; i < width; i++) {
    const double difference = number(x[i]) - first;
    sum.add(i, difference);
    squares.addProduct(i, difference, difference);
  }
  const Statistics found = statisticsOf(first, sum.total(), squares.total(), width, epsilon);
  return {found.mean, found.inverse};
}

template <class F> void eachLine(const Lines& lines, F body) {
  parallel(lines.count, 8192 / (lines.width + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; line++) body(line * lines.width);
  });
}

}  // namespace

bool layerNorm_reference(const layerNorm_call& c) {
  return withReal(c.x.dtype, [&]<class T>(T) {
    const Lines lines(c.x, c.axis.integer());
    const auto scale = expanded<T>(c.scale, c.x, lines.width), bias = expanded<T>(c.bias, c.x, lines.width);
    eachLine(lines, [&](int64_t start) {
      const T* x = c.x.as<T>() + start;
      T* y = c.y.as<T>() + start;
      const auto standard = standardOf(x, lines.width, c.epsilon);
      for (int64_t i = 0; i < lines.width; i++) y[i] = static_cast<T>(std::fma(standard(number(x[i])), scale[i], bias[i]));
    });
  });
}

bool layerNormInputGrad_reference(const layerNormInputGrad_call& c) {
  return withReal(c.x.dtype, [&]<class T>(T) {
    const Lines lines(c.x, c.axis.integer());
    const auto scale = expanded<T>(c.scale, c.x, lines.width);
    eachLine(lines, [&](int64_t start) {
      const T *x = c.x.as<T>() + start, *dy = c.dy.as<T>() + start;
      T* dx = c.dx.as<T>() + start;
      const auto standard = standardOf(x, lines.width, c.epsilon);
      InterleavedSum sum, product;
      for (int64_t i = 0; i < lines.width; i++) {
        const Work<T> g = number(dy[i]) * scale[i];
        sum.add(i, g);
        product.addProduct(i, g, standard(number(x[i])));
      }
      const double size = static_cast<double>(lines.width);
      const auto mean = static_cast<Work<T>>(sum.total() / size), slope = static_cast<Work<T>>(product.total() / size);
      for (int64_t i = 0; i < lines.width; i++) {
        const Work<T> g = number(dy[i]) * scale[i];
        dx[i] = static_cast<T>(standard.inverse * std::fma(-standard(number(x[i])), slope, g - mean));
      }
    });
  });
}

bool layerNormScaleGrad_reference(const layerNormScaleGrad_call& c) {
  return withReal(c.x.dtype, [&]<class T>(T) {
    const Lines lines(c.x, c.axis.integer());
    const int64_t chunks = chunksOf(lines.count);
    std::vector<double> partial(static_cast<size_t>(chunks * lines.width));
    parallel(chunks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        double* sum = partial.data() + i * lines.width;
        const Chunk part = chunk(lines.count, i);
        for (int64_t line = part.begin; line < part.end; line++) {
          const T *x = c.x.as<T>() + line * lines.width, *dy = c.dy.as<T>() + line * lines.width;
          const auto standard = standardOf(x, lines.width, c.epsilon);
          for (int64_t j = 0; j < lines.width; j++)
            sum[j] = std::fma(static_cast<double>(number(dy[j])), static_cast<double>(standard(number(x[j]))), sum[j]);
        }
      }
    });
    T* out = c.dscale.as<T>();
    for (int64_t j = 0; j < lines.width; j++) {
      double sum = 0;
      for (int64_t i = 0; i < chunks; i++) sum += partial[i * lines.width + j];
      out[j] = static_cast<T>(sum);
    }
  });
}

}  // namespace lowbit
