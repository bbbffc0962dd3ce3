// Convolutions with one channel a group, and their weight gradient, for graphics cards. Memory is the limit: neighbouring threads take
// neighbouring channels.
#pragma once
#include "../../cuda/product.cuh"
#include "windowGrad.cuh"
#include "windows.cuh"

namespace lowbit {
namespace {

constexpr int kDepthwisePixels = 32;  // of a block, whose 8 warps take every eighth

// A lane takes N channels; the weights of the block's 32·N channels lie in shared memory, tap by tap.
template <int N, class Sweep> __global__ void __launch_bounds__(256) convolveDepthwise(Sweep p) {
  constexpr int wide = 32 * N, step = wide + 4;
  float* weights = reinterpret_cast<float*>(dynamicShared());
  const int taps = static_cast<int>(p.windowRows.kernel) * p.kernelWidth, blocks = (p.channels + wide - 1) / wide;
  const int firstChannel = static_cast<int>(blockIdx.x % blocks) * wide;
  for (int at = threadIdx.x; at < wide * taps; at += blockDim.x)
    weights[at % taps * step + at / taps] = firstChannel + at / taps < p.channels ? p.w[firstChannel * taps + at] : 0;
  __syncthreads();

  const int lane = threadIdx.x % 32 * N, channel = firstChannel + lane;
  if (channel >= p.channels) return;
  const int64_t pixels = int64_t{p.batch} * p.height * p.width, first = blockIdx.x / blocks * int64_t{kDepthwisePixels};
  for (int64_t pixel = first + threadIdx.x / 32; pixel < pixels && pixel < first + kDepthwisePixels; pixel += 8) {
    const int64_t line = pixel / p.width;
    const Taps down = tapsOf(p.windowRows, p.backwards, static_cast<int>(line % p.height), true);
    const Taps across = tapsOf(p.windowColumns, p.backwards, static_cast<int>(pixel % p.width), false);
    const float* image = p.x + line / p.height * p.inHeight * p.inWidth * p.channels + channel;
    float sums[N];
#pragma unroll
    for (int e = 0; e < N; e++) sums[e] = p.out.first(pixel, channel + e);
    for (int r = 0; r < down.count; r++) {
      for (int s = 0; s < across.count; s++) {
        const int column = across.at + s * across.atStep;
        const bool inside = column >= 0 && column < p.inWidth;
        const float* from = image + ((down.at + r * down.atStep) * p.inWidth + column) * p.channels;
        const float* weight = weights + ((down.tap + r * down.tapStep) * p.kernelWidth + across.tap + s * across.tapStep) * step + lane;
        float x[N] = {}, w[N];
        if constexpr (N == 4) {
          if (inside) loadQuad(x, from);
          loadQuad(w, weight);
        } else {
          if (inside) x[0] = *from;
          w[0] = *weight;
        }
#pragma unroll
        for (int e = 0; e < N; e++) sums[e] = __fmaf_rn(x[e], w[e], sums[e]);
      }
    }
#pragma unroll
    for (int e = 0; e < N; e++) p.out.store(pixel, channel + e, sums[e]);
  }
}

// False where this is not one channel a group, or the window is too large.
template <class Sweep> bool depthwise(const Sweep& p) {
  const int64_t taps = p.windowRows.kernel * p.windowColumns.kernel, pixels = int64_t{p.batch} * p.height * p.width;
  if (p.groupIn != 1 || p.groupOut != 1 || taps > 64) return false;
  const auto sweep = [&]<int N>() {
    const int64_t blocks = ceilDiv(p.channels, 32 * N) * ceilDiv(pixels, kDepthwisePixels);
    if (!blocks) return;
    run(convolveDepthwise<N, Sweep>, {dim3(static_cast<unsigned>(blocks)), dim3(256), static_cast<size_t>(taps) * (32 * N + 4) * 4}, p);
  };
  if (inQuads(p.x, p.channels)) sweep.template operator()<4>();
  else sweep.template operator()<1>();
  return true;
}

// sums[chunk, c, p, q]: one thread a sum, whose products are read eight pixels ahead.
template <class T> __global__ void gradDepthwise(WindowGrad<T> p) {
  constexpr int ahead = 8;
  const int taps = p.columns;
  FOR_EACH(at, int64_t{p.parts} * taps) {
    const int c = static_cast<int>(at % p.channels), tap = static_cast<int>(at / p.channels % taps);
    const int64_t chunk = at / p.channels / taps;
    const auto part = p.part(chunk * p.groups + c);
    auto left = p.left(part, 0, 0);
    auto right = p.right(part, tap, 0);
    T sum = 0;
    for (int rest = part.steps; rest > 0; rest -= ahead) {
      T dy[ahead], x[ahead];
#pragma unroll
      for (int e = 0; e < ahead; e++) {
        dy[e] = e < rest ? left.value() : T(0);
        x[e] = right.value();
        left.advance(1);
        right.advance(1);
      }
#pragma unroll
      for (int e = 0; e < ahead; e++)
        if (e < rest) sum = fused(x[e], dy[e], sum);
    }
    p.out.store(p.place(part, 0), tap, sum);
  }
}

}  // namespace
}  // namespace lowbit
