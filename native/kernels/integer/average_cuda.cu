// Averages of codes on the card: y = req(f32(Σ (x - z))·f32(m / n)), n the number of taps that count; x (n, h, w, c). Sums are integers and
// may be added in any order.
#include "../../core/rounding.h"
#include "../../cuda/elements.cuh"
#include "../../op.h"
#include "taps.h"

namespace lowbit {
namespace {

constexpr int kWarps = 8;
constexpr int64_t kMostPixels = 1 << 23;  // of 255 each; their sums fit an int

struct Averages {
  int height, width, channels, rows, columns;  // of x, and of y
  int kernel[2], strides[2], pads[4];
  bool countPad;
  int zero;
  float multiplier;
  Requantize requantize;
};

// A thread averages N neighbouring channels of a pixel of y.
template <class X, int N>
__global__ void __launch_bounds__(256) averageWindows(Averages p, const X* __restrict__ x, uint8_t* __restrict__ y, int64_t packs) {
  FOR_EACH(pack, packs) {
    const int64_t perPixel = p.channels / N, i = pack / perPixel, channel = pack % perPixel * N, image = i / p.columns / p.rows;
    const Taps v(i / p.columns % p.rows, p.kernel[0], p.strides[0], p.pads[0], p.pads[2], p.height, p.countPad);
    const Taps h(i % p.columns, p.kernel[1], p.strides[1], p.pads[1], p.pads[3], p.width, p.countPad);
    int sums[N];
#pragma unroll
    for (int j = 0; j < N; j++) sums[j] = -static_cast<int>((v.end - v.begin) * (h.end - h.begin)) * p.zero;
    for (int64_t a = v.begin; a < v.end; a++)
      for (int64_t b = h.begin; b < h.end; b++) {
        const Few<X, N> taps = readFew<N>(x + ((image * p.height + a) * p.width + b) * p.channels + channel);
#pragma unroll
        for (int j = 0; j < N; j++) sums[j] += taps.of[j];
      }
    const int64_t count = v.count * h.count;
    const float factor = p.multiplier / static_cast<float>(count > 1 ? count : 1);
    Few<uint8_t, N> to;
#pragma unroll
    for (int j = 0; j < N; j++) to.of[j] = static_cast<uint8_t>(p.requantize(static_cast<float>(sums[j]) * factor));
    writeFew(y + i * p.channels + channel, to);
  }
}

// Blocks (c, n) average 32·N channels of an image: a lane N of them, the warps the pixels in turn.
template <class X, int N>
__global__ void __launch_bounds__(32 * kWarps)
    averageAll(const X* __restrict__ x, uint8_t* __restrict__ y, int pixels, int channels, int zero, float factor, Requantize requantize) {
  SHARED(int, perWarp, [kWarps][N][32]);
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int64_t channel = (static_cast<int64_t>(blockIdx.x) * 32 + lane) * N, image = blockIdx.y;
  int sums[N] = {};
  for (int pixel = warp; pixel < pixels && channel < channels; pixel += kWarps) {
    const Few<X, N> few = readFew<N>(x + (image * pixels + pixel) * channels + channel);
#pragma unroll
    for (int j = 0; j < N; j++) sums[j] += few.of[j] - zero;
  }
#pragma unroll
  for (int j = 0; j < N; j++) perWarp[warp][j][lane] = sums[j];
  __syncthreads();
  if (warp != 0 || channel >= channels) return;
  for (int j = 0; j < N; j++) {
    for (int i = 1; i < kWarps; i++) sums[j] += perWarp[i][j][lane];
    y[image * channels + channel + j] = static_cast<uint8_t>(requantize(static_cast<float>(sums[j]) * factor));
  }
}

// Codes are read N at a time.
template <int N> bool readsPacks(const View& x, const View& y) { return x.dim(-1) % N == 0 && aligned(x.data, N) && aligned(y.data, N); }

// body(codes) with the elements of x as const uint8_t* or const int8_t*.
template <class F> bool withCodesOf(const View& x, F&& body) {
  EXPECT(isCode(x));
  if (x.dtype == Dtype::int8) body(x.as<const int8_t>());
  else body(x.as<const uint8_t>());
  return true;
}

}  // namespace

bool qaveragePool2d_cuda(const qaveragePool2d_call& c) {
  EXPECT(isCode(c.y) && c.x.rank == 4 && c.y.shape[3] == c.x.shape[3] && c.kernel.count == 2 && c.strides.count == 2 && c.pads.count == 4);
  if (c.x.shape[1] * c.x.shape[2] > kMostPixels) return false;
  if (!c.y.size()) return true;
  const auto at = [](const Param& param, int i) { return static_cast<int>(param[i]); };
  const auto dim = [](const View& view, int i) { return static_cast<int>(view.shape[i]); };
  const Averages p{dim(c.x, 1),
                   dim(c.x, 2),
                   dim(c.x, 3),
                   dim(c.y, 1),
                   dim(c.y, 2),
                   {at(c.kernel, 0), at(c.kernel, 1)},
                   {at(c.strides, 0), at(c.strides, 1)},
                   {at(c.pads, 0), at(c.pads, 1), at(c.pads, 2), at(c.pads, 3)},
                   c.countIncludePad.integer() != 0,
                   static_cast<int>(c.xZero.integer()),
                   static_cast<float>(c.multiplier),
                   Requantize(c.yZero, c.qmin, c.qmax)};
  return withCodesOf(c.x, [&]<class X>(const X* x) {
    const int64_t size = c.y.size();
    if (readsPacks<8>(c.x, c.y)) run(averageWindows<X, 8>, launchOver(size / 8), p, x, c.y.as<uint8_t>(), size / 8);
    else run(averageWindows<X, 1>, launchOver(size), p, x, c.y.as<uint8_t>(), size);
  });
}

// Over all axes but the first and the last.
bool qglobalAveragePool_cuda(const qglobalAveragePool_call& c) {
  EXPECT(isCode(c.y) && c.x.rank >= 3 && c.y.size() == c.x.shape[0] * c.x.dim(-1));
  const int64_t images = c.x.shape[0], channels = c.x.dim(-1), pixels = c.x.count(1, c.x.rank - 1);
  if (pixels > kMostPixels || images > 65535) return false;
  if (!c.y.size()) return true;
  const float factor = static_cast<float>(c.multiplier) / static_cast<float>(pixels > 1 ? pixels : 1);
  return withCodesOf(c.x, [&]<class X>(const X* x) {
    const int n = readsPacks<4>(c.x, c.y) ? 4 : 1;
    const dim3 grid(static_cast<unsigned>((channels + 32 * n - 1) / (32 * n)), static_cast<unsigned>(images));
    run(n == 4 ? averageAll<X, 4> : averageAll<X, 1>, {grid, dim3(32 * kWarps)}, x, c.y.as<uint8_t>(), pixels, channels, c.xZero.integer(),
        factor, Requantize(c.yZero, c.qmin, c.qmax));
  });
}

}  // namespace lowbit
