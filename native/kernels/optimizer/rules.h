// What updates share beside the rules of cpu/f32/updateRules.h.
#pragma once
#include <math.h>

#include "../../core/check.h"
#include "../../cpu/f32/updateRules.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

// average = average + momentum·(factor·value − average)
struct AverageRule {
  float momentum, factor;

  explicit AverageRule(const movingAverage_call& c) : momentum(static_cast<float>(c.momentum)), factor(static_cast<float>(c.factor)) {}
  template <class V> INLINE void step(V& average, V value) const { average = fused(momentum, fused(factor, value, -average), average); }
};

// (learning rate, number of the step)
INLINE bool isSchedule(const View& x) { return x.dtype == Dtype::float64 && x.size() == 2; }

// y = (factor·rate, min(1, maxNorm / (√norm2 + 1e-6)), step) in double; NaN for the first two unless norm2 and loss are finite
INLINE void putControl(float* y, double norm2, double loss, const double* schedule, double factor, double maxNorm) {
  const bool finite = norm2 - norm2 == 0 && loss - loss == 0;
  const double scale = maxNorm / (root(norm2) + 1e-6);
  y[0] = finite ? static_cast<float>(factor * schedule[0]) : NAN;
  y[1] = finite ? static_cast<float>(scale > 1 ? 1 : scale) : NAN;
  y[2] = static_cast<float>(schedule[1]);
}

// Σ x² is formed in double: in kSumLanes sums a chunk, element i in sum i % kSumLanes, which are then added in order; chunks in order,
// tensors in order.
constexpr int64_t kSumChunk = 16384, kSumLanes = 16;

// Adds Σ x² of one tensor to a sum; ofChunk(x, count) is that of a chunk.
template <class F> INLINE double addSquares(double sum, const View& x, double* chunkSums, F ofChunk) {
  const int64_t size = x.size(), chunks = (size + kSumChunk - 1) / kSumChunk;
  const float* from = x.as<float>();
  EXPECT(x.dtype == Dtype::float32);
  parallel(chunks, 1, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t left = size - i * kSumChunk;
      chunkSums[i] = ofChunk(from + i * kSumChunk, left < kSumChunk ? left : kSumChunk);
    }
  });
  for (int64_t i = 0; i < chunks; i++) sum += chunkSums[i];
  return sum;
}

// Room for the sums of the chunks of the largest of the tensors.
INLINE size_t chunkSumBytes(const Views& xs) {
  int64_t most = 0;
  for (int i = 0; i < xs.count; i++) most = xs[i].size() > most ? xs[i].size() : most;
  return static_cast<size_t>(most / kSumChunk + 1) * sizeof(double);
}

}  // namespace
}  // namespace lowbit
