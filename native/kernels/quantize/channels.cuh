// y[i] = f(channel of i)(x[i], ...) on the card: f(channel) reads what the elements of a channel share, its scale and zero point, once for
// a pack of them, or for each element where the channels are the last axis.
#pragma once
#include "../../cuda/elements.cuh"

namespace lowbit {
namespace {

// Element i belongs to channel i / inner % count.
struct Channels {
  int64_t count = 1, inner = 1;

  DEVICE int64_t of(int64_t i) const { return count == 1 ? 0 : i / inner % count; }
};

inline Channels channelsOf(const View& x, const View& scale, const Param& axis) {
  if (scale.size() == 1) return {};
  const int at = static_cast<int>(axis.integer() < 0 ? axis.integer() + x.rank : axis.integer());
  EXPECT(scale.size() == x.shape[at]);
  return {x.shape[at], x.count(at + 1, x.rank)};
}

template <int N, bool kLastAxis, class F, class R, class... T>
DEVICE void computeChannels(F f, Channels channels, int64_t i, R* y, const T*... x) {
  const auto compute = [&](const Few<T, N>&... from) {
    Few<R, N> to;
    if constexpr (kLastAxis) {
      int64_t channel = i % channels.count;
#pragma unroll
      for (int j = 0; j < N; j++) {
        to.of[j] = f.at(channel)(from.of[j]...);
        if (++channel == channels.count) channel = 0;
      }
    } else {
      const auto shared = f.at(channels.of(i));
#pragma unroll
      for (int j = 0; j < N; j++) to.of[j] = shared(from.of[j]...);
    }
    writeFew(y + i, to);
  };
  compute(readFew<N>(x + i)...);
}

template <int N, bool kLastAxis, class F, class R, class... T>
__global__ void __launch_bounds__(256) overChannels(F f, Channels channels, int64_t count, R* __restrict__ y, const T*... x) {
  FOR_EACH(pack, (count + N - 1) / N) {
    const int64_t i = pack * N;
    if (i + N <= count) computeChannels<N, kLastAxis>(f, channels, i, y, x...);
    else
      for (int64_t j = i; j < count; j++) computeChannels<1, kLastAxis>(f, channels, j, y, x...);
  }
}

template <class F, class R, class... T> void computeByChannels(F f, Channels channels, int64_t count, R* y, const T*... x) {
  constexpr int N = packOf<R, T...>();
  if (!count) return;
  const bool packed = (aligned(y, N * sizeof(R)) && ... && aligned(x, N * sizeof(T))), lastAxis = channels.count > 1 && channels.inner == 1;
  using Kernel = void (*)(F, Channels, int64_t, R*, const T*...);
  Kernel kernel = overChannels<1, false, F, R, T...>;
  if (packed && lastAxis) kernel = overChannels<N, true, F, R, T...>;
  const bool whole = packed && (lastAxis || channels.count == 1 || channels.inner % N == 0);
  if (whole && !lastAxis) kernel = overChannels<N, false, F, R, T...>;
  run(kernel, launchOver(whole ? (count + N - 1) / N : count), f, channels, count, y, x...);
}

}  // namespace
}  // namespace lowbit
