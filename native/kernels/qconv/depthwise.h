// A convolution of every channel with its own kernel. Blocks of channels fill a vector of codes; kGroup taps at a time are
// interleaved, so that a lane holds one channel's codes under those taps and one instruction adds their products.
// Weights: [block][group of kGroup taps][vector][lane][tap], channels in the order that interleaving gives. The shuffles are the limit.
#pragma once
#include "../../core/arithmetic.h"
#include "bands.h"

namespace lowbit {
namespace {

template <class V> struct Depthwise {
  static constexpr int kGroup = V::kGroup, kLanes = V::kLanes, kBlock = kGroup * kLanes;
  using Code = typename V::Code;
  using Weight = typename V::Weight;
  int64_t channels, taps, tapGroups, blocks;
  int64_t* offsets;  // of the taps, the last one repeated for taps that do not exist
  int32_t* bias;
  float* scale;
  Weight* weights;

  // The channel in its block that lane `l` of vector `v` holds.
  static int64_t channelOf(int64_t v, int64_t l) { return l / 4 * (4 * kGroup) + v * 4 + l % 4; }

  Depthwise(int64_t channelCount, int64_t tapCount)
      : channels(channelCount), taps(tapCount), tapGroups(ceilDiv(taps, kGroup)), blocks(ceilDiv(channels, kBlock)) {}
  int64_t offsetBytes() const { return ceilDiv(weightsPerLane() * 8, 64) * 64; }
  int64_t packedBytes() const { return blocks * kBlock * (8 + weightsPerLane() * int64_t{sizeof(Weight)}); }
  int64_t weightsPerLane() const { return tapGroups * kGroup; }
  void place(char* offsetMemory, char* packedMemory) {
    offsets = reinterpret_cast<int64_t*>(offsetMemory);
    bias = reinterpret_cast<int32_t*>(packedMemory);
    scale = reinterpret_cast<float*>(bias + blocks * kBlock);
    weights = reinterpret_cast<Weight*>(scale + blocks * kBlock);
  }

  // From w (channels, taps).
  template <class W> void pack(const W& w, const int32_t* biases, const float* scales, int32_t zeroPoint) {
    memset(weights, 0, static_cast<size_t>(blocks * kBlock * weightsPerLane()) * sizeof(Weight));
    for (int64_t at = 0; at < blocks * kBlock; at++) {
      const int64_t lane = at % kBlock, block = at / kBlock, channel = block * kBlock + channelOf(lane / kLanes, lane % kLanes);
      bias[at] = 0;
      scale[at] = 0;
      if (channel >= channels) continue;
      Weight* to = weights + block * kBlock * weightsPerLane() + lane * kGroup;
      uint32_t sum = 0;
      for (int64_t tap = 0; tap < taps; tap++) {
        const int8_t value = w.at(channel, tap);
        to[tap / kGroup * kBlock * kGroup + tap % kGroup] = value;
        sum += static_cast<uint32_t>(value);
      }
      bias[at] = static_cast<int32_t>(static_cast<uint32_t>(biases[channel]) - static_cast<uint32_t>(zeroPoint) * sum);
      scale[at] = scales[channel];
    }
  }

  void row(int64_t columns, int64_t block, const Code* codes, int64_t step, const Output& out, int64_t at) const {
    constexpr int kAtOnce = 3;
    int64_t column = 0;
    for (; column + kAtOnce <= columns; column += kAtOnce) pixels<kAtOnce>(block, codes + column * step, step, out, at + column * channels);
    for (; column < columns; column++) pixels<1>(block, codes + column * step, step, out, at + column * channels);
  }

  // PIXELS neighbours, `step` codes apart, under one block of channels, to y[at..].
  template <int PIXELS> INLINE void pixels(int64_t block, const Code* codes, int64_t step, const Output& out, int64_t at) const {
    using Int = typename V::Int;
    const int64_t first = block * kBlock, count = channels - first;
    Int sums[PIXELS][kGroup];
    each<kGroup>([&](auto v) {
      const Int start = V::load(bias + first + v * kLanes);
      each<PIXELS>([&](auto p) { sums[p][v] = start; });
    });
    const Weight* weight = weights + first * weightsPerLane();
    for (int64_t tap = 0; tap < weightsPerLane(); tap += kGroup, weight += kBlock * kGroup) {
      Int w[kGroup];
      each<kGroup>([&](auto v) { w[v] = V::load(weight + v * kLanes * kGroup); });
      each<PIXELS>([&](auto p) {
        Int x[kGroup];
        each<kGroup>([&](auto t) { x[t] = V::load(codes + p * step + offsets[tap + t]); });
        V::interleave(x);
        each<kGroup>([&](auto v) { sums[p][v] = V::dot(sums[p][v], x[v], w[v]); });
      });
    }
    const auto low = V::repeat(out.low), high = V::repeat(out.high);
    const Int zeroPoint = V::repeat(out.zeroPoint);
    each<PIXELS>([&](auto p) {
      typename V::Float real[kGroup];
      each<kGroup>([&](auto v) { real[v] = V::scaled(sums[p][v], V::loadFloats(scale + first + v * kLanes)); });
      if (out.real) return storeFloats(static_cast<float*>(out.y) + at + p * channels, real, count);
      each<kGroup>([&](auto v) { sums[p][v] = V::requantize(real[v], low, high, zeroPoint); });
      V::storeInterleaved(static_cast<uint8_t*>(out.y) + at + p * channels, sums[p], count);
    });
  }

  static void storeFloats(float* y, const typename V::Float (&real)[kGroup], int64_t count) {
    float lanes[kBlock];
    for (int v = 0; v < kGroup; v++) V::storeFloats(lanes + v * kLanes, real[v], kLanes);
    for (int64_t lane = 0; lane < kBlock; lane++) {
      const int64_t channel = channelOf(lane / kLanes, lane % kLanes);
      if (channel < count) y[channel] = lanes[lane];
    }
  }
};

template <class V, class W> bool depthwiseConvolution(const qconv2d_call& c, const W& w) {
  const Bands<V> bands(c);
  Depthwise<V> work(bands.channels, bands.kh * bands.kw);
  const int64_t workers = smaller(threads(), bands.count());
  const int64_t ownBytes = Derived::working(c.kept, work.packedBytes());
  char* scratch = allocateScratch(work.offsetBytes() + ownBytes + workers * bands.codesPerBand() * int64_t{sizeof(typename V::Code)});
  if (!scratch) return false;
  const Derived packed(c.kept, work.packedBytes(), scratch + work.offsetBytes());
  if (!packed.memory) {
    free(scratch);
    return false;
  }
  work.place(scratch, packed.memory);
  for (int64_t tap = 0; tap < work.tapGroups * V::kGroup; tap++) {
    const int64_t real = smaller(tap, work.taps - 1);
    work.offsets[tap] = bands.tapOffset(real / bands.kw, real % bands.kw);
  }
  if (!packed.filled) work.pack(w, c.bias.as<int32_t>(), c.scale.as<float>(), bands.zeroPoint);

  const Output out(c.y, c.yZero, c.qmin, c.qmax);
  auto* copies = reinterpret_cast<typename V::Code*>(scratch + work.offsetBytes() + ownBytes);
  const int64_t step = c.strides[1] * bands.channels, down = c.strides[0] * bands.rowCodes;
  bands.each(workers, copies, [&](const typename V::Code* codes, int64_t at, int64_t rows) {
    for (int64_t block = 0; block < work.blocks; block++)
      for (int64_t row = 0; row < rows; row++)
        work.row(bands.columns, block, codes + row * down + block * work.kBlock, step, out,
                 at + row * bands.columns * bands.channels + block * work.kBlock);
  });
  packed.done();
  free(scratch);
  return true;
}

}  // namespace
}  // namespace lowbit
