// Batch normalization in training: x seen as pixels of channels. For every channel, in float or double (V may be a vector of floats),
//
//   y  = fma(x − mean, factor, bias)                      factor = scale·inverse, inverse = 1 / √(variance + epsilon)
//   dx = factor·(g − Σg/n − (x − mean)·inverse·Σ(g·x̂)/n)   x̂ = (x − mean)·inverse
//
// with g = dy, or 0 where a ReLU follows and y is not above 0. That sign comes from x by the arithmetic of y, so y is not read again.
//
// Sums over the n pixels are sums of a and of a·b for pairs (a, b) in float (double for double): formed in double, in order within
// chunks of pixels, then over the chunks. How many chunks there are depends on n alone.
#pragma once
#include "../../core/arithmetic.h"
#include "../../cpu/f32/formula.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "axis.h"

namespace lowbit {
namespace {

struct Chunks {
  int64_t pixels, length, count;

  INLINE explicit Chunks(int64_t n) : pixels(n) {
    constexpr int64_t kLeast = 64, kMost = 64;
    length = ceilDiv(n, kMost) > kLeast ? ceilDiv(n, kMost) : kLeast;
    count = ceilDiv(n, length);
  }
  INLINE int64_t first(int64_t i) const { return i * length; }
  INLINE int64_t end(int64_t i) const { return smaller((i + 1) * length, pixels); }
};

// partial[chunk][2][width]: the sums of a and of a·b
struct Sums {
  const double* partial;
  int64_t chunks, width;

  INLINE double operator()(int which, int64_t channel) const {
    double sum = 0;
    for (int64_t i = 0; i < chunks; i++) sum += partial[(2 * i + which) * width + channel];
    return sum;
  }
};

// What elements need of their channel, a row of `width` each: channels and zeros.
enum { kMean, kFactor, kBias, kNormalizeRows, kShare = kNormalizeRows, kSlope, kInputGradRows };

template <class S> INLINE S factorOf(S scale, S variance, S epsilon) { return scale / root(variance + epsilon); }
// The factor of x − mean in dx, negative, of Σ(g·x̂) over n pixels
template <class S> INLINE S slopeOf(S sum, S n, S variance, S epsilon) { return -(sum / n) / root(variance + epsilon); }

template <class S>
void fillNormalize(S* table, int64_t width, int64_t channels, const S* scale, const S* bias, const S* mean, const S* variance,
                   double epsilon) {
  for (int64_t i = 0; i < kNormalizeRows * width; i++) table[i] = 0;
  for (int64_t c = 0; c < channels; c++) {
    table[kMean * width + c] = mean[c];
    table[kFactor * width + c] = factorOf(scale[c], variance[c], static_cast<S>(epsilon));
    table[kBias * width + c] = bias[c];
  }
}

template <class S, class C> void fillNormalize(S* table, int64_t width, const C& call) {
  const int64_t channels = call.scale.size();
  EXPECT(call.bias.size() == channels && call.statistics.size() == 2 * channels);
  const S* statistics = call.statistics.template as<S>();
  fillNormalize<S>(table, width, channels, call.scale.template as<S>(), call.bias.template as<S>(), statistics, statistics + channels,
                   call.epsilon);
}

// Σg/n and slopeOf
template <class S> void fillInputGrad(S* table, int64_t width, const batchNormInputGrad_call& call, int64_t pixels) {
  fillNormalize(table, width, call);
  const int64_t channels = call.scale.size();
  EXPECT(call.sums.size() == 2 * channels);
  const S *variance = call.statistics.as<S>() + channels, *sums = call.sums.as<S>(), n = static_cast<S>(pixels);
  for (int64_t i = kNormalizeRows * width; i < kInputGradRows * width; i++) table[i] = 0;
  for (int64_t c = 0; c < channels; c++) {
    table[kShare * width + c] = sums[c] / n;
    table[kSlope * width + c] = slopeOf(sums[channels + c], n, variance[c], static_cast<S>(static_cast<double>(call.epsilon)));
  }
}

template <class V> INLINE V normalized(V x, V mean, V factor, V bias) { return fused(x - mean, factor, bias); }

template <bool relu, class V> INLINE V activated(V y) {
  if constexpr (relu) return rectified(y);
  else return y;
}

// g of the head
template <bool relu, class V> INLINE V maskedGradient(V dy, V x, V mean, V factor, V bias) {
  if constexpr (relu) return gated(normalized(x, mean, factor, bias), dy);
  else return dy;
}

template <class V> INLINE V inputGradient(V g, V x, V mean, V factor, V share, V slope) {
  return factor * fused(slope, x - mean, g - share);
}

// y = mean and variance of channel c from the sums of d = x − first and d² over n pixels:
// mean = first + Σd/n, variance = (Σd² − (Σd)²/n) / n
template <class S> INLINE void putStatistics(S* y, int64_t channels, int64_t c, double first, double sum, double product, double n) {
  const double squares = product - sum * sum / n;
  y[c] = static_cast<S>(first + sum / n);
  y[channels + c] = static_cast<S>(squares > 0 || squares != squares ? squares / n : 0);
}
template <class S> void putStatistics(const batchStatistics_call& call, const Axis& axis, Sums sums) {
  const double n = static_cast<double>(axis.outer * axis.inner);
  for (int64_t c = 0; c < axis.length; c++)
    putStatistics(call.y.as<S>(), axis.length, c, call.x.as<S>()[c * axis.inner], sums(0, c), sums(1, c), n);
}

// y = Σg and Σ(g·x̂) of channel c from the sums of g and g·(x − mean)
template <class S>
INLINE void putGradientSums(S* y, int64_t channels, int64_t c, double sum, double product, double variance, double epsilon) {
  y[c] = static_cast<S>(sum);
  y[channels + c] = static_cast<S>(product / root(variance + epsilon));
}
template <class S> void putGradientSums(const batchNormSums_call& call, Sums sums) {
  const int64_t channels = call.scale.size();
  for (int64_t c = 0; c < channels; c++)
    putGradientSums(call.y.as<S>(), channels, c, sums(0, c), sums(1, c), call.statistics.as<S>()[channels + c], call.epsilon);
}

// body(std::true_type or false_type): whether a ReLU follows
template <class C, class F> INLINE void withActivation(const C& call, F&& body) {
  enum { none, relu };
  if (call.activation.integer() == relu) body(std::true_type{});
  else body(std::false_type{});
}

}  // namespace
}  // namespace lowbit
