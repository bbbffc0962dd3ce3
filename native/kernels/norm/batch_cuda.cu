// Batch normalization (batch.h) on the card, one pass over the operands each; reading memory is the limit. With channels last a thread
// keeps what its channels have in registers and walks pixels. The sums of a channel are double, but of other chunks than on the CPU:
// theirs are too long for as many threads as a card wants.
#include "../../cuda/few.cuh"
#include "../../cuda/reduce.cuh"
#include "batch.h"

namespace lowbit {
namespace {

// What channels have; of float16 it is float.
template <class T> struct Scales {
  using S = Computed<T>;
  struct Channel {
    S mean, factor, bias;
  };
  const T *scale, *bias, *mean, *variance;
  S epsilon;

  DEVICE Channel channel(int64_t c) const {
    return {static_cast<S>(mean[c]), factorOf<S>(scale[c], variance[c], epsilon), static_cast<S>(bias[c])};
  }
};

template <class S, class C> Scales<S> scalesOf(const C& call) {
  const int64_t channels = call.scale.size();
  EXPECT(call.bias.size() == channels && call.statistics.size() == 2 * channels);
  const S* statistics = call.statistics.template as<S>();
  return {call.scale.template as<S>(), call.bias.template as<S>(), statistics, statistics + channels,
          static_cast<S>(static_cast<double>(call.epsilon))};
}

// ---- a result for each element --------------------------------------------------------------------------------------------------

template <class T, bool relu> struct Normalize : Scales<T> {
  const T* x;
  T* y;

  template <int W> DEVICE void apply(int64_t i, const typename Scales<T>::Channel (&of)[W]) const {
    Few<T, W> few = readFew<W>(x + i);
    for (int k = 0; k < W; k++)
      few.of[k] = static_cast<T>(activated<relu>(normalized<Computed<T>>(few.of[k], of[k].mean, of[k].factor, of[k].bias)));
    writeFew(y + i, few);
  }
};

template <class S, bool relu> struct InputGradient {
  struct Channel : Scales<S>::Channel {
    S share, slope;
  };
  Scales<S> scales;
  const S *dy, *x, *sums;
  S* dx;
  int64_t channels;
  S pixels;

  DEVICE Channel channel(int64_t c) const {
    return {scales.channel(c), sums[c] / pixels, slopeOf(sums[channels + c], pixels, scales.variance[c], scales.epsilon)};
  }
  template <int W> DEVICE void apply(int64_t i, const Channel (&of)[W]) const {
    const Few<S, W> gradient = readFew<W>(dy + i);
    Few<S, W> few = readFew<W>(x + i);
    for (int k = 0; k < W; k++) {
      const S g = maskedGradient<relu>(gradient.of[k], few.of[k], of[k].mean, of[k].factor, of[k].bias);
      few.of[k] = inputGradient(g, few.of[k], of[k].mean, of[k].factor, of[k].share, of[k].slope);
    }
    writeFew(dx + i, few);
  }
};

// Channels last: threads (x, y) have the channels W·x, ... W·x + W - 1 and the pixels y, y + all of them, ...
template <int W, class Rule> __global__ void applyChannelsLast(Rule rule, int64_t pixels, int64_t channels) {
  const int64_t c = (static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * W;
  if (c >= channels) return;
  decltype(rule.channel(0)) of[W];
  for (int k = 0; k < W; k++) of[k] = rule.channel(c + k);
  const int64_t step = static_cast<int64_t>(gridDim.y) * blockDim.y;
  for (int64_t pixel = static_cast<int64_t>(blockIdx.y) * blockDim.y + threadIdx.y; pixel < pixels; pixel += step)
    rule.template apply<W>(pixel * channels + c, of);
}

template <class Rule> __global__ void applyAnywhere(Rule rule, int64_t size, int64_t channels, int64_t inner) {
  FOR_EACH(i, size) {
    const decltype(rule.channel(0)) of[1] = {rule.channel(i / inner % channels)};
    rule.template apply<1>(i, of);
  }
}

template <class Rule> void applyToElements(const Axis& axis, Rule rule) {
  const int64_t channels = axis.length, size = axis.outer * channels * axis.inner;
  if (!size) return;
  if (axis.inner > 1) return run(applyAnywhere<Rule>, launchOver(size), rule, size, channels, axis.inner);
  const bool fours = channels % kFew == 0;
  const int64_t groups = fours ? channels / kFew : channels;
  unsigned across = 1;
  while (across < groups && across < 256) across *= 2;
  const unsigned down = 256 / across;
  const int64_t columns = ceilDiv(groups, across), most = 16 * cardMultiprocessors() / columns + 1;
  const Launch launch{dim3(static_cast<unsigned>(columns), static_cast<unsigned>(smaller(ceilDiv(axis.outer, down), most))),
                      dim3(across, down)};
  if (fours) run(applyChannelsLast<kFew, Rule>, launch, rule, axis.outer, channels);
  else run(applyChannelsLast<1, Rule>, launch, rule, axis.outer, channels);
}

// ---- sums of a channel ----------------------------------------------------------------------------------------------------------

template <class S> struct Pair {
  S a, b;
};

template <class S> struct Deviations {
  struct Channel {
    S first;
  };
  const S* x;
  S* y;
  int64_t channels, inner;
  double pixels;

  DEVICE Channel channel(int64_t c) const { return {x[c * inner]}; }
  DEVICE Pair<S> pair(int64_t i, Channel of) const {
    const S difference = x[i] - of.first;
    return {difference, difference};
  }
  DEVICE void put(int64_t c, double sum, double product) const { putStatistics(y, channels, c, x[c * inner], sum, product, pixels); }
};

template <class S, bool relu> struct GradientSums : Scales<S> {
  const S *dy, *x;
  S* y;
  int64_t channels;
  double exactEpsilon;

  DEVICE Pair<S> pair(int64_t i, typename Scales<S>::Channel of) const {
    return {maskedGradient<relu>(dy[i], x[i], of.mean, of.factor, of.bias), x[i] - of.mean};
  }
  DEVICE void put(int64_t c, double sum, double product) const {
    putGradientSums(y, channels, c, sum, product, this->variance[c], exactEpsilon);
  }
};

constexpr int kSumThreads = 256;

// A block: `across` channels beside each other, and as many threads for each as that leaves, which share its terms.
template <int across> struct ChannelThreads {
  static constexpr int kRows = kSumThreads / across;
  int64_t channel = static_cast<int64_t>(blockIdx.x) * across + threadIdx.x % across;
  int row = static_cast<int>(threadIdx.x) / across;

  // The sums of a channel's threads, for its first one.
  DEVICE void fold(double& sum, double& product) const {
    SHARED(double, sums, [2][kSumThreads]);
    const int t = static_cast<int>(threadIdx.x);
    sums[0][t] = sum;
    sums[1][t] = product;
    for (int half = kRows / 2; half; half /= 2) {
      __syncthreads();
      if (row >= half) continue;
      sums[0][t] += sums[0][t + half * across];
      sums[1][t] += sums[1][t + half * across];
    }
    sum = sums[0][t];
    product = sums[1][t];
  }
};

// partial[chunk][2][channels]: the sums of a and of a·b of a chunk of pixels; chunks are blocks along y.
template <int across, class Rule> __global__ void sumChunks(Rule rule, Axis axis, int64_t length, double* __restrict__ partial) {
  const ChannelThreads<across> of;
  const int64_t c = of.channel, channels = axis.length, inner = axis.inner;
  const int64_t first = blockIdx.y * length, end = c < channels ? smaller(first + length, axis.outer * inner) : 0;
  const auto channel = rule.channel(c < channels ? c : 0);
  double sum = 0, product = 0;
#pragma unroll 8
  for (int64_t pixel = first + of.row; pixel < end; pixel += of.kRows) {
    const int64_t at = inner == 1 ? pixel * channels + c : (pixel / inner * channels + c) * inner + pixel % inner;
    const auto [a, b] = rule.pair(at, channel);
    sum += static_cast<double>(a);
    product = fused(static_cast<double>(a), static_cast<double>(b), product);
  }
  of.fold(sum, product);
  if (of.row || c >= channels) return;
  partial[2 * blockIdx.y * channels + c] = sum;
  partial[(2 * blockIdx.y + 1) * channels + c] = product;
}

template <int across, class Rule>
__global__ void joinChunks(Rule rule, const double* __restrict__ partial, int64_t chunks, int64_t channels) {
  const ChannelThreads<across> of;
  const int64_t c = of.channel;
  double sum = 0, product = 0;
  for (int64_t chunk = of.row; chunk < chunks && c < channels; chunk += of.kRows) {
    sum += partial[2 * chunk * channels + c];
    product += partial[(2 * chunk + 1) * channels + c];
  }
  of.fold(sum, product);
  if (of.row == 0 && c < channels) rule.put(c, sum, product);
}

template <int across, class Rule> void sumChannels(const Axis& axis, Rule rule) {
  constexpr int64_t kMostChunks = 256, kLeast = 16 * ChannelThreads<across>::kRows;
  const int64_t pixels = axis.outer * axis.inner, channels = axis.length;
  if (!channels) return;
  const int64_t length = ceilDiv(pixels, kMostChunks) > kLeast ? ceilDiv(pixels, kMostChunks) : kLeast;
  const int64_t chunks = pixels > length ? ceilDiv(pixels, length) : 1;
  const CardScratch partial(static_cast<size_t>(2 * chunks * channels) * sizeof(double));
  const unsigned columns = static_cast<unsigned>(ceilDiv(channels, across));
  run(sumChunks<across, Rule>, {dim3(columns, static_cast<unsigned>(chunks)), dim3(kSumThreads)}, rule, axis, length, partial.as<double>());
  run(joinChunks<across, Rule>, {dim3(columns), dim3(kSumThreads)}, rule, partial.as<double>(), chunks, channels);
}

// Neighbours are the channels of a pixel or the pixels of a channel.
template <class Rule> void sumPairs(const Axis& axis, Rule rule) {
  if (axis.inner == 1) sumChannels<32>(axis, rule);
  else sumChannels<1>(axis, rule);
}

}  // namespace

bool batchNorm_cuda(const batchNorm_call& c) {
  return withReal(c.x.dtype, [&]<class T>(T) {
    const Axis axis(c.x, c.axis.integer());
    for (const View* view : {&c.scale, &c.bias, &c.mean, &c.variance}) EXPECT(view->size() == axis.length);
    const Scales<T> scales{c.scale.as<T>(), c.bias.as<T>(), c.mean.as<T>(), c.variance.as<T>(),
                           static_cast<Computed<T>>(static_cast<double>(c.epsilon))};
    applyToElements(axis, Normalize<T, false>{scales, c.x.as<T>(), c.y.as<T>()});
  });
}

bool batchNormTraining_cuda(const batchNormTraining_call& c) {
  return asFloating(c.x.dtype, [&]<class S>(S) {
    withActivation(c, [&](auto relu) {
      applyToElements(Axis(c.x, c.axis.integer()), Normalize<S, relu()>{scalesOf<S>(c), c.x.as<S>(), c.y.as<S>()});
    });
  });
}

bool batchNormInputGrad_cuda(const batchNormInputGrad_call& c) {
  return asFloating(c.x.dtype, [&]<class S>(S) {
    const Axis axis(c.x, c.axis.integer());
    EXPECT(c.dy.size() == c.x.size() && c.sums.size() == 2 * axis.length);
    const S pixels = static_cast<S>(axis.outer * axis.inner);
    withActivation(c, [&](auto relu) {
      applyToElements(
          axis, InputGradient<S, relu()>{scalesOf<S>(c), c.dy.as<S>(), c.x.as<S>(), c.sums.as<S>(), c.y.as<S>(), axis.length, pixels});
    });
  });
}

bool batchStatistics_cuda(const batchStatistics_call& c) {
  return asFloating(c.x.dtype, [&]<class S>(S) {
    const Axis axis(c.x, c.axis.integer());
    EXPECT(axis.outer * axis.inner > 0 && c.y.size() == 2 * axis.length);
    sumPairs(axis, Deviations<S>{c.x.as<S>(), c.y.as<S>(), axis.length, axis.inner, static_cast<double>(axis.outer * axis.inner)});
  });
}

bool batchNormSums_cuda(const batchNormSums_call& c) {
  return asFloating(c.x.dtype, [&]<class S>(S) {
    const Axis axis(c.x, c.axis.integer());
    EXPECT(c.dy.size() == c.x.size() && c.y.size() == 2 * axis.length);
    withActivation(c, [&](auto relu) {
      sumPairs(axis, GradientSums<S, relu()>{scalesOf<S>(c), c.dy.as<S>(), c.x.as<S>(), c.y.as<S>(), axis.length, c.epsilon});
    });
  });
}

}  // namespace lowbit
