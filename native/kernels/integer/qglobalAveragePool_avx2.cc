// The average of whole images of codes: the reference's arithmetic, its sums in int32.
#include "../../core/arithmetic.h"
#include "../../core/rounding.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

constexpr int64_t kBlock = 64;            // channels at a time
constexpr int64_t kMostPixels = 1 << 23;  // whose sum fits

// sums[j] += x[j] of the block's channels, for all pixels. A count that is known keeps the sums in registers.
template <class X> void addPixels(const X* x, int64_t pixels, int64_t channels, int64_t count, int32_t* sums) {
  if (count == kBlock) {
    for (int64_t pixel = 0; pixel < pixels; pixel++, x += channels)
      for (int64_t j = 0; j < kBlock; j++) sums[j] += x[j];
  } else {
    for (int64_t pixel = 0; pixel < pixels; pixel++, x += channels)
      for (int64_t j = 0; j < count; j++) sums[j] += x[j];
  }
}

template <class X> void averageAll(const qglobalAveragePool_call& c, const X* x) {
  const int64_t channels = c.x.dim(-1), pixels = c.x.count(1, c.x.rank - 1), blocks = ceilDiv(channels, kBlock);
  const int32_t zeros = static_cast<int32_t>(pixels * c.xZero.integer());
  const Requantize requantize(c.yZero, c.qmin, c.qmax);
  const float factor = static_cast<float>(c.multiplier) / static_cast<float>(pixels > 0 ? pixels : 1);
  uint8_t* out = c.y.as<uint8_t>();
  parallel(c.x.shape[0] * blocks, 16384 / (pixels + 1) + 1, [=](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) {
      const int64_t image = i / blocks, from = i % blocks * kBlock, count = smaller(kBlock, channels - from);
      int32_t sums[kBlock] = {};
      addPixels(x + image * pixels * channels + from, pixels, channels, count, sums);
      rescale(sums, out + image * channels + from, count, zeros, factor, requantize);
    }
  });
}

}  // namespace

bool qglobalAveragePool_avx2(const qglobalAveragePool_call& c) {
  EXPECT(isCode(c.y) && c.x.rank >= 3 && c.y.size() == c.x.shape[0] * c.x.dim(-1));
  if (c.x.count(1, c.x.rank - 1) > kMostPixels) return false;
  withCodes(c.x, [&](auto x) { averageAll(c, x); });
  return true;
}

}  // namespace lowbit
