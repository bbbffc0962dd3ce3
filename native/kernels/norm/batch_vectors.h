// Batch normalization (batch.h) of float32 with channels last, a vector of channels at a time. Every pass reads its operands once, in
// order; memory is the limit. What a channel has (mean, factor, ...) lies in rows that are padded to whole vectors.
#pragma once
#include "../../core/scratch.h"
#include "../../cpu/f32/stream.h"
#include "../../cpu/f32/wide.h"
#include "../../op.h"
#include "batch.h"

namespace lowbit {
namespace {

// Channels last; other calls are declined.
struct Pixels {
  int64_t count, channels, width;
  bool fits;

  INLINE Pixels(const View& x, int64_t index) {
    const Axis axis(x, index);
    count = axis.outer;
    channels = axis.length;
    width = ceilDiv(channels, 16) * 16;
    fits = x.dtype == Dtype::float32 && axis.inner == 1;
  }

  // body(i, c, lanes) for the vector of channels c, c + 1, ... that begins at element i
  template <class F> INLINE void each(F body) const {
    const int64_t step = channels;
    parallel(count, kElementGrain / (channels + 1) + 1, [=](int64_t begin, int64_t end) {
      for (int64_t pixel = begin; pixel < end; pixel++)
        eachVector(0, step, [&](int64_t c, Lanes lanes) { body(pixel * step + c, c, lanes); });
    });
  }
};

struct Pair {
  Vector a, b;
};

// Floats of a table of `rows` and, behind them, the partial sums of `chunks`: sums are kept in memory between groups of pixels only.
struct Workspace {
  float* table;
  double* partial;

  INLINE Workspace(const Pixels& pixels, int64_t rows, int64_t chunks) {
    const size_t sums = static_cast<size_t>(2 * chunks * pixels.width) * sizeof(double);
    partial = static_cast<double*>(scratch(sums + static_cast<size_t>(rows * pixels.width) * sizeof(float)));
    table = reinterpret_cast<float*>(reinterpret_cast<char*>(partial) + sums);
  }
};

// Pixels that are worked through for one vector of channels, about 8 KB: long runs of sums in registers. Meanwhile the next group is
// fetched, for memory is not read in order.
INLINE int64_t groupOf(int64_t channels) { return 1 + 2048 / (channels + 1); }

// pairOf(i, c, lanes, ahead) gives the pairs of a vector; the same vector of the next group is `ahead` elements on.
template <class F> INLINE Sums sumPairs(const Pixels& pixels, const Chunks& chunks, double* partial, F pairOf) {
  const int64_t channels = pixels.channels, width = pixels.width, group = groupOf(channels);
  parallel(chunks.count, kElementGrain / (chunks.length * channels + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; chunk++) {
      double *sums = partial + 2 * chunk * width, *products = sums + width;
      for (int64_t i = 0; i < 2 * width; i++) sums[i] = 0;
      for (int64_t pixel = chunks.first(chunk); pixel < chunks.end(chunk); pixel += group) {
        const int64_t last = smaller(pixel + group, chunks.end(chunk));
        eachVector(0, channels, [&](int64_t c, Lanes lanes) {
          Wide sum = loadWide(sums + c), product = loadWide(products + c);
          for (int64_t p = pixel; p < last; p++) {
            const Pair pair = pairOf(p * channels + c, c, lanes, group * channels);
            const Wide a = widen(pair.a);
            sum = sum + a;
            product = multiplyAdd(a, widen(pair.b), product);
          }
          storeWide(sums + c, sum);
          storeWide(products + c, product);
        });
      }
    }
  });
  return {partial, chunks.count, width};
}

static bool batchStatisticsVectors(const batchStatistics_call& call) {
  const Pixels pixels(call.x, call.axis.integer());
  if (!pixels.fits) return false;
  EXPECT(pixels.count > 0 && call.y.size() == 2 * pixels.channels);
  const Chunks chunks(pixels.count);
  const Workspace work(pixels, 0, chunks.count);
  const float* x = call.x.as<float>();
  const Sums sums = sumPairs(pixels, chunks, work.partial, [=](int64_t i, int64_t c, Lanes lanes, int64_t ahead) {
    fetch(x + i + ahead);
    const Vector difference = lanes.load(x + i) - lanes.load(x + c);
    return Pair{difference, difference};
  });
  putStatistics<float>(call, Axis(call.x, call.axis.integer()), sums);
  return true;
}

static bool batchNormTrainingVectors(const batchNormTraining_call& call) {
  const Pixels pixels(call.x, call.axis.integer());
  if (!pixels.fits) return false;
  const Workspace work(pixels, kNormalizeRows, 0);
  fillNormalize(work.table, pixels.width, call);
  const float *x = call.x.as<float>(), *mean = work.table, *factor = mean + pixels.width, *bias = factor + pixels.width;
  float* y = call.y.as<float>();
  withActivation(call, [&](auto relu) {
    pixels.each([=](int64_t i, int64_t c, Lanes lanes) {
      lanes.store(y + i, activated<relu()>(normalized(lanes.load(x + i), load(mean + c), load(factor + c), load(bias + c))));
    });
  });
  return true;
}

static bool batchNormVectors(const batchNorm_call& call) {
  const Pixels pixels(call.x, call.axis.integer());
  if (!pixels.fits) return false;
  EXPECT(call.scale.size() == pixels.channels && call.bias.size() == pixels.channels);
  EXPECT(call.mean.size() == pixels.channels && call.variance.size() == pixels.channels);
  const Workspace work(pixels, kNormalizeRows, 0);
  fillNormalize<float>(work.table, pixels.width, pixels.channels, call.scale.as<float>(), call.bias.as<float>(), call.mean.as<float>(),
                       call.variance.as<float>(), call.epsilon);
  const float *x = call.x.as<float>(), *mean = work.table, *factor = mean + pixels.width, *bias = factor + pixels.width;
  float* y = call.y.as<float>();
  pixels.each([=](int64_t i, int64_t c, Lanes lanes) {
    lanes.store(y + i, normalized(lanes.load(x + i), load(mean + c), load(factor + c), load(bias + c)));
  });
  return true;
}

static bool batchNormSumsVectors(const batchNormSums_call& call) {
  const Pixels pixels(call.x, call.axis.integer());
  if (!pixels.fits) return false;
  EXPECT(call.dy.size() == call.x.size() && call.y.size() == 2 * pixels.channels);
  const Chunks chunks(pixels.count);
  const Workspace work(pixels, kNormalizeRows, chunks.count);
  fillNormalize(work.table, pixels.width, call);
  const float *dy = call.dy.as<float>(), *x = call.x.as<float>();
  const float *mean = work.table, *factor = mean + pixels.width, *bias = factor + pixels.width;
  withActivation(call, [&](auto relu) {
    const Sums sums = sumPairs(pixels, chunks, work.partial, [=](int64_t i, int64_t c, Lanes lanes, int64_t ahead) {
      fetch(x + i + ahead);
      fetch(dy + i + ahead);
      const Vector at = lanes.load(x + i), middle = load(mean + c);
      return Pair{maskedGradient<relu()>(lanes.load(dy + i), at, middle, load(factor + c), load(bias + c)), at - middle};
    });
    putGradientSums<float>(call, sums);
  });
  return true;
}

static bool batchNormInputGradVectors(const batchNormInputGrad_call& call) {
  const Pixels pixels(call.x, call.axis.integer());
  if (!pixels.fits) return false;
  EXPECT(call.dy.size() == call.x.size());
  const Workspace work(pixels, kInputGradRows, 0);
  fillInputGrad(work.table, pixels.width, call, pixels.count);
  const float *dy = call.dy.as<float>(), *x = call.x.as<float>(), *table = work.table;
  const int64_t width = pixels.width;
  float* dx = call.y.as<float>();
  withActivation(call, [&](auto relu) {
    pixels.each([=](int64_t i, int64_t c, Lanes lanes) {
      const Vector at = lanes.load(x + i), mean = load(table + c), factor = load(table + kFactor * width + c);
      const Vector g = maskedGradient<relu()>(lanes.load(dy + i), at, mean, factor, load(table + kBias * width + c));
      lanes.store(dx + i, inputGradient(g, at, mean, factor, load(table + kShare * width + c), load(table + kSlope * width + c)));
    });
  });
  return true;
}

}  // namespace
}  // namespace lowbit
