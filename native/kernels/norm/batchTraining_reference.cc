// Batch normalization in training (batch.h): statistics of a batch, the normalization with them and its gradients, channels on any axis.
#include <vector>

#include "../../op.h"
#include "batch.h"

namespace lowbit {
namespace {

template <class F> bool asFloating(Dtype dtype, F&& body) {
  EXPECT(dtype == Dtype::float32 || dtype == Dtype::float64);
  if (dtype == Dtype::float32) body(float{});
  else body(double{});
  return true;
}

// body(i, channel) for every element, on all threads.
template <class F> void eachElement(const Axis& axis, F body) {
  const int64_t channels = axis.length, inner = axis.inner;
  parallel(axis.outer, kElementGrain / (channels * inner + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++)
      for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < inner; i++) body((row * channels + c) * inner + i, c);
  });
}

template <class S> struct Pair {
  S a, b;
};

struct ChunkSums {
  std::vector<double> partial;
  int64_t chunks, width;
  Sums sums() const { return {partial.data(), chunks, width}; }
};

// pairOf(i, channel) gives the pair of an element.
template <class F> ChunkSums sumPairs(const Axis& axis, F pairOf) {
  const int64_t channels = axis.length, inner = axis.inner;
  const Chunks chunks(axis.outer * inner);
  ChunkSums out{std::vector<double>(2 * chunks.count * channels), chunks.count, channels};
  parallel(chunks.count, kElementGrain / (chunks.length * channels + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; chunk++) {
      double *sum = out.partial.data() + 2 * chunk * channels, *product = sum + channels;
      for (int64_t pixel = chunks.first(chunk); pixel < chunks.end(chunk); pixel++) {
        const int64_t at = pixel / inner * channels * inner + pixel % inner;
        for (int64_t c = 0; c < channels; c++) {
          const auto [a, b] = pairOf(at + c * inner, c);
          sum[c] += static_cast<double>(a);
          product[c] = fused(static_cast<double>(a), static_cast<double>(b), product[c]);
        }
      }
    }
  });
  return out;
}

}  // namespace

// y = (mean, biased variance) of every channel
bool batchStatistics_reference(const batchStatistics_call& call) {
  return asFloating(call.x.dtype, [&]<class S>(S) {
    const Axis axis(call.x, call.axis.integer());
    EXPECT(axis.outer * axis.inner > 0 && call.y.size() == 2 * axis.length);
    const S* x = call.x.as<S>();
    const ChunkSums all = sumPairs(axis, [=](int64_t i, int64_t c) {
      const S difference = x[i] - x[c * axis.inner];
      return Pair<S>{difference, difference};
    });
    putStatistics<S>(call, axis, all.sums());
  });
}

// y = (x − mean)·factor + bias, maybe through ReLU
bool batchNormTraining_reference(const batchNormTraining_call& call) {
  return asFloating(call.x.dtype, [&]<class S>(S) {
    const Axis axis(call.x, call.axis.integer());
    const int64_t width = axis.length;
    std::vector<S> rows(kNormalizeRows * width);
    fillNormalize(rows.data(), width, call);
    const S *x = call.x.as<S>(), *table = rows.data();
    S* y = call.y.as<S>();
    withActivation(call, [&](auto relu) {
      eachElement(axis, [=](int64_t i, int64_t c) {
        y[i] = activated<relu()>(normalized(x[i], table[c], table[kFactor * width + c], table[kBias * width + c]));
      });
    });
  });
}

// y = (Σg, Σ(g·x̂)) of every channel
bool batchNormSums_reference(const batchNormSums_call& call) {
  return asFloating(call.x.dtype, [&]<class S>(S) {
    const Axis axis(call.x, call.axis.integer());
    const int64_t width = axis.length;
    EXPECT(call.dy.size() == call.x.size() && call.y.size() == 2 * width);
    std::vector<S> rows(kNormalizeRows * width);
    fillNormalize(rows.data(), width, call);
    const S *dy = call.dy.as<S>(), *x = call.x.as<S>(), *table = rows.data();
    withActivation(call, [&](auto relu) {
      const ChunkSums all = sumPairs(axis, [=](int64_t i, int64_t c) {
        const S mean = table[c];
        return Pair<S>{maskedGradient<relu()>(dy[i], x[i], mean, table[kFactor * width + c], table[kBias * width + c]), x[i] - mean};
      });
      putGradientSums<S>(call, all.sums());
    });
  });
}

// y = dx of the head of batch.h
bool batchNormInputGrad_reference(const batchNormInputGrad_call& call) {
  return asFloating(call.x.dtype, [&]<class S>(S) {
    const Axis axis(call.x, call.axis.integer());
    const int64_t width = axis.length;
    EXPECT(call.dy.size() == call.x.size());
    std::vector<S> rows(kInputGradRows * width);
    fillInputGrad(rows.data(), width, call, axis.outer * axis.inner);
    const S *dy = call.dy.as<S>(), *x = call.x.as<S>(), *table = rows.data();
    S* dx = call.y.as<S>();
    withActivation(call, [&](auto relu) {
      eachElement(axis, [=](int64_t i, int64_t c) {
        const S mean = table[c], factor = table[kFactor * width + c];
        const S g = maskedGradient<relu()>(dy[i], x[i], mean, factor, table[kBias * width + c]);
        dx[i] = inputGradient(g, x[i], mean, factor, table[kShare * width + c], table[kSlope * width + c]);
      });
    });
  });
}

}  // namespace lowbit
