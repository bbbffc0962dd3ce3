// Layer normalization and its gradients (layerNorm.h) with the reference's order of sums: 16 lanes a line, most of which they keep in
// registers. Memory is the limit. The gradient of the scale then walks the lines of a chunk with a thread for each column.
#include "../../core/strided.h"
#include "../../cpu/f32/formula.h"
#include "../../cuda/reduce.cuh"
#include "../../op.h"
#include "layerNorm.h"
#include "work.h"

namespace lowbit {
namespace {

// A tensor repeated to the last dimensions of x.
template <class T> struct Repeated {
  const T* data;
  Strided<1> plan;

  Repeated(const View& operand, const View& x) : data(operand.as<T>()), plan(broadcast(x, operand)) {}
  // Next to element i of a line.
  DEVICE Work<T> operator[](int64_t i) const {
    int64_t at = 0;
    for (int d = plan.rank - 1; d >= 0; d--) {
      const int64_t size = plan.shape[d], stride = plan.strides[0][d];
      if (i < size) return number(data[at + i * stride]);
      at += i % size * stride;
      i /= size;
    }
    return number(data[at]);
  }
};

// x of a line's elements, first being the first of them
template <class T, class Elements, class X>
DEVICE Standard<Work<T>> standardOf(const Elements& elements, X x, const T* line, int64_t width, double epsilon) {
  const double first = elements.n ? static_cast<double>(number(line[0])) : 0;
  double sum = 0, squares = 0;
  elements.each([&](int64_t, auto element) {
    const double difference = static_cast<double>(x(element)) - first;
    sum += difference;
    squares = fused(difference, difference, squares);
  });
  sum = foldLanes(sum);
  const Statistics found = statisticsOf(first, sum, foldLanes(squares), width, epsilon);
  return {found.mean, found.inverse};
}

template <class T>
__global__ void layerNormLines(const T* __restrict__ x, T* __restrict__ y, Lines lines, Repeated<T> scale, Repeated<T> bias,
                               double epsilon) {
  using W = Work<T>;
  eachLine(lines.count, lines.width, [&](int64_t line, int lane, int64_t n) {
    const T* from = x + line * lines.width;
    const auto elements = elementsOf([=](int64_t i) { return number(from[i]); }, lane, n);
    const auto standard = standardOf(
        elements, [](W value) { return value; }, from, lines.width, epsilon);
    elements.each([&](int64_t i, W value) { y[line * lines.width + i] = static_cast<T>(fused(standard(value), scale[i], bias[i])); });
  });
}

template <class W> struct Pair {
  W g, x;
};

template <class T>
__global__ void inputGradLines(const T* __restrict__ dy, const T* __restrict__ x, T* __restrict__ dx, Lines lines, Repeated<T> scale,
                               double epsilon) {
  using W = Work<T>;
  eachLine(lines.count, lines.width, [&](int64_t line, int lane, int64_t n) {
    const T *from = x + line * lines.width, *gradient = dy + line * lines.width;
    const auto pairs = elementsOf([&](int64_t i) { return Pair<W>{number(gradient[i]) * scale[i], number(from[i])}; }, lane, n);
    const auto standard = standardOf(
        pairs, [](Pair<W> of) { return of.x; }, from, lines.width, epsilon);
    double sum = 0, product = 0;
    pairs.each([&](int64_t, Pair<W> of) {
      sum += static_cast<double>(of.g);
      product = fused(static_cast<double>(of.g), static_cast<double>(standard(of.x)), product);
    });
    const double size = static_cast<double>(lines.width);
    const W mean = static_cast<W>(foldLanes(sum) / size), slope = static_cast<W>(foldLanes(product) / size);
    pairs.each([&](int64_t i, Pair<W> of) {
      dx[line * lines.width + i] = static_cast<T>(standard.inverse * fused(-standard(of.x), slope, of.g - mean));
    });
  });
}

template <class T> __global__ void standardLines(const T* __restrict__ x, Standard<Work<T>>* __restrict__ y, Lines lines, double epsilon) {
  using W = Work<T>;
  eachLine(lines.count, lines.width, [&](int64_t line, int lane, int64_t n) {
    const T* from = x + line * lines.width;
    const auto elements = elementsOf([=](int64_t i) { return number(from[i]); }, lane, n);
    const auto standard = standardOf(
        elements, [](W value) { return value; }, from, lines.width, epsilon);
    if (n && lane == 0) y[line] = standard;
  });
}

template <class T>
__global__ void scaleGradChunks(const T* __restrict__ dy, const T* __restrict__ x, const Standard<Work<T>>* __restrict__ standards,
                                double* __restrict__ partial, Lines lines) {
  FOR_EACH(task, chunksOf(lines.count) * lines.width) {
    const int64_t j = task % lines.width;
    const Chunk part = chunk(lines.count, task / lines.width);
    double sum = 0;
#pragma unroll 4
    for (int64_t line = part.begin; line < part.end; line++) {
      const int64_t at = line * lines.width + j;
      sum = fused(static_cast<double>(number(dy[at])), static_cast<double>(standards[line](number(x[at]))), sum);
    }
    partial[task] = sum;
  }
}

template <class T> __global__ void joinScaleGrad(const double* __restrict__ partial, T* __restrict__ dscale, Lines lines) {
  FOR_EACH(j, lines.width) {
    double sum = 0;
    for (int64_t i = 0; i < chunksOf(lines.count); i++) sum += partial[i * lines.width + j];
    dscale[j] = static_cast<T>(sum);
  }
}

}  // namespace

bool layerNorm_cuda(const layerNorm_call& c) {
  return withReal(c.x.dtype, [&]<class T>(T) {
    const Lines lines(c.x, c.axis.integer());
    if (!c.x.size()) return;
    run(layerNormLines<T>, launchOfLines(lines.count), c.x.as<T>(), c.y.as<T>(), lines, Repeated<T>(c.scale, c.x), Repeated<T>(c.bias, c.x),
        c.epsilon);
  });
}

bool layerNormInputGrad_cuda(const layerNormInputGrad_call& c) {
  return withReal(c.x.dtype, [&]<class T>(T) {
    const Lines lines(c.x, c.axis.integer());
    if (!c.x.size()) return;
    run(inputGradLines<T>, launchOfLines(lines.count), c.dy.as<T>(), c.x.as<T>(), c.dx.as<T>(), lines, Repeated<T>(c.scale, c.x),
        c.epsilon);
  });
}

bool layerNormScaleGrad_cuda(const layerNormScaleGrad_call& c) {
  return withReal(c.x.dtype, [&]<class T>(T) {
    using Standards = Standard<Work<T>>;
    const Lines lines(c.x, c.axis.integer());
    const int64_t sums = chunksOf(lines.count) * lines.width;
    if (!lines.width) return;
    const CardScratch standards(static_cast<size_t>(lines.count + 1) * sizeof(Standards));
    const CardScratch partial(static_cast<size_t>(sums + 1) * sizeof(double));
    if (lines.count) {
      run(standardLines<T>, launchOfLines(lines.count), c.x.as<T>(), standards.as<Standards>(), lines, c.epsilon);
      run(scaleGradChunks<T>, launchOver(sums, 128), c.dy.as<T>(), c.x.as<T>(), standards.as<Standards>(), partial.as<double>(), lines);
    }
    run(joinScaleGrad<T>, launchOver(lines.width, 128), partial.as<double>(), c.dscale.as<T>(), lines);
  });
}

}  // namespace lowbit
