// Layer normalization of float32 with a scale and a bias for every element of a line: a line stays in the first cache while it is read two
// or three times, so memory is the limit.
#pragma once
#include <math.h>

#include "../../core/scratch.h"
#include "../../cpu/f32/interleavedSums.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "layerNorm.h"

namespace lowbit {
namespace {

struct Standard {
  double mean, inverse;
  INLINE Wide operator()(Vector x) const { return (widen(x) - repeatWide(mean)) * repeatWide(inverse); }
};

INLINE Standard standardOf(const float* x, int64_t width, double epsilon) {
  const double size = static_cast<double>(width);
  Sums sum, squares;
  eachVector(width, [&](auto slot, int64_t at, const Lanes& lanes) { sum.add(slot, widen(lanes.load(x + at))); });
  const double mean = sum.total() / size;
  eachVector(width, [&](auto slot, int64_t at, const Lanes& lanes) {
    const Wide difference = keep(lanes, widen(lanes.load(x + at)) - repeatWide(mean));
    squares.addProduct(slot, difference, difference);
  });
  return {mean, 1 / sqrt(squares.total() / size + epsilon)};
}

template <class F> void eachLine(const Lines& lines, F body) {
  parallel(lines.count, 8192 / (lines.width + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; line++) body(line * lines.width);
  });
}

bool layerNormLines(const layerNorm_call& c) {
  const Lines lines(c.x, c.axis.integer());
  if (c.x.dtype != Dtype::float32 || c.scale.size() != lines.width || c.bias.size() != lines.width) return false;
  const float *scale = c.scale.as<float>(), *bias = c.bias.as<float>();
  eachLine(lines, [&](int64_t start) {
    const float* x = c.x.as<float>() + start;
    float* y = c.y.as<float>() + start;
    const Standard standard = standardOf(x, lines.width, c.epsilon);
    eachVector(lines.width, [&](auto, int64_t at, const Lanes& lanes) {
      lanes.store(y + at, narrow(multiplyAdd(standard(lanes.load(x + at)), widen(lanes.load(scale + at)), widen(lanes.load(bias + at)))));
    });
  });
  return true;
}

bool layerNormInputGradLines(const layerNormInputGrad_call& c) {
  const Lines lines(c.x, c.axis.integer());
  if (c.x.dtype != Dtype::float32 || c.scale.size() != lines.width) return false;
  const float* scale = c.scale.as<float>();
  eachLine(lines, [&](int64_t start) {
    const float *x = c.x.as<float>() + start, *dy = c.dy.as<float>() + start;
    float* dx = c.dx.as<float>() + start;
    const Standard standard = standardOf(x, lines.width, c.epsilon);
    Sums sum, product;
    eachVector(lines.width, [&](auto slot, int64_t at, const Lanes& lanes) {
      const Wide g = widen(lanes.load(dy + at)) * widen(lanes.load(scale + at));
      sum.add(slot, g);
      product.addProduct(slot, g, standard(lanes.load(x + at)));
    });
    const double size = static_cast<double>(lines.width);
    const Wide mean = repeatWide(sum.total() / size), slope = repeatWide(product.total() / size), inverse = repeatWide(standard.inverse);
    eachVector(lines.width, [&](auto, int64_t at, const Lanes& lanes) {
      const Wide g = widen(lanes.load(dy + at)) * widen(lanes.load(scale + at));
      lanes.store(dx + at, narrow(inverse * multiplyAdd(-standard(lanes.load(x + at)), slope, g - mean)));
    });
  });
  return true;
}

bool layerNormScaleGradLines(const layerNormScaleGrad_call& c) {
  const Lines lines(c.x, c.axis.integer());
  if (c.x.dtype != Dtype::float32) return false;
  const int64_t chunks = chunksOf(lines.count), stride = (lines.width + kInterleaved - 1) / kInterleaved * kInterleaved;
  double* const partial = static_cast<double*>(scratch(static_cast<size_t>(chunks * stride) * sizeof(double) + 1));
  parallel(chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      double* sum = partial + i * stride;
      for (int64_t j = 0; j < stride; j++) sum[j] = 0;
      const Chunk part = chunk(lines.count, i);
      for (int64_t line = part.begin; line < part.end; line++) {
        const float *x = c.x.as<float>() + line * lines.width, *dy = c.dy.as<float>() + line * lines.width;
        const Standard standard = standardOf(x, lines.width, c.epsilon);
        eachVector(lines.width, [&](auto, int64_t at, const Lanes& lanes) {
          const Wide before{loadDoubles(sum + at), loadDoubles(sum + at + kDoubles)};
          const Wide after = multiplyAdd(widen(lanes.load(dy + at)), standard(lanes.load(x + at)), before);
          storeDoubles(sum + at, after.low);
          storeDoubles(sum + at + kDoubles, after.high);
        });
      }
    }
  });
  float* out = c.dscale.as<float>();
  for (int64_t j = 0; j < lines.width; j++) {
    double sum = 0;
    for (int64_t i = 0; i < chunks; i++) sum += partial[i * stride + j];
    out[j] = static_cast<float>(sum);
  }
  return true;
}

}  // namespace
}  // namespace lowbit
