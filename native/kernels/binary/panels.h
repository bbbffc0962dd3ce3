// Sums of products of signs with packed weights: acc = products - 2·(signs that differ), and what becomes of them.
//
// A pixel has `runs` runs of `length` neighbouring words of 64 signs, run r at offsets[r] from the pixel's first word: one run in a matrix
// product, one for each row of the kernel in a convolution. Weights come in panels of kVectors·kLanes outputs (the last one of fewer
// vectors if they are enough), each [tap][word of the tap][output], with bits of 0 after the last channel of a tap, as pixels have them.
// A tile holds kTileRows pixels × one panel of counts in 64-bit lanes, two registers for the kLanes outputs that become one register of
// 32-bit sums; each step compares a word of a pixel, broadcast, with that word of every output. Counting is the limit.
#pragma once
#include <string.h>

#include "../../core/unroll.h"
#include "output.h"
#include "signs.h"

namespace lowbit {
namespace {

// One panel: outputs from `first` on, of which there are `known`; the panel may have fewer or more.
struct SignPanel {
  const uint64_t* weights;
  const float *scale, *bias;
  int64_t first, known;
};

template <class V> struct SignPanels {
  static constexpr int kWidth = V::kVectors * V::kLanes;
  int64_t outputs, taps, channels;
  uint64_t* weights;
  int32_t* tapSums;  // (taps, padded()): Σ of a tap's weights
  float *scale, *bias;

  int64_t count() const { return ceilDiv(outputs, kWidth); }
  int64_t padded() const { return count() * kWidth; }
  int64_t words() const { return taps * signWords(channels); }
  int64_t vectors(int64_t panel) const { return smaller(V::kVectors, ceilDiv(outputs - panel * kWidth, V::kLanes)); }
  int64_t bytes() const { return padded() * (words() * 8 + taps * 4 + 8); }
  // Lays the parts out in memory of bytes().
  void place(char* at) {
    weights = reinterpret_cast<uint64_t*>(at);
    tapSums = reinterpret_cast<int32_t*>(weights + padded() * words());
    scale = reinterpret_cast<float*>(tapSums + padded() * taps);
    bias = scale + padded();
  }

  SignPanel at(int64_t panel) const {
    const int64_t first = panel * kWidth;
    return {weights + first * words(), scale + first, bias + first, first, outputs - first};
  }

  // Packs one panel of w (outputs, taps·channels), its scales and biases.
  void pack(int64_t panel, const View& w, const float* scales, const float* biases) const {
    const int64_t first = panel * kWidth, lanes = vectors(panel) * V::kLanes, known = smaller(outputs - first, lanes);
    const int64_t rowWords = w.shape[1] / 8;
    const uint64_t* rows = w.as<uint64_t>() + first * rowWords;
    uint64_t* to = weights + first * words();
    for (int64_t tap = 0; tap < taps; tap++) {
      int32_t sums[kWidth] = {};
      for (int64_t channel = 0; channel < channels; channel += 64, to += lanes) {
        const SomeSigns some(tap * channels + channel, smaller(64, channels - channel));
        for (int64_t lane = 0; lane < known; lane++) {
          to[lane] = some.of(rows + lane * rowWords);
          sums[lane] += static_cast<int32_t>(2 * __builtin_popcountll(to[lane]) - some.count);
        }
        for (int64_t lane = known; lane < lanes; lane++) to[lane] = 0;
      }
      for (int64_t lane = 0; lane < kWidth; lane++) tapSums[tap * padded() + first + lane] = sums[lane];
    }
    for (int64_t lane = 0; lane < kWidth; lane++) {
      scale[first + lane] = lane < known ? scales[first + lane] : 0;
      bias[first + lane] = lane < known ? biases[first + lane] : 0;
    }
  }
};

// Words of a row of pixels: pixel p starts at words + p·step. Its sums start from those at starts + places[p], one for each output.
struct SignPixels {
  const uint64_t* words;
  int64_t step, runs, length;
  const int64_t* offsets;
  const int32_t* starts;
  const int64_t* places;
};

// What the counts of a tile become; FORM uint8 is int8 too.
template <class V, Form FORM, int ROWS, int VECTORS>
INLINE void finish(const typename V::Int (&counts)[ROWS * VECTORS * 2], const SignPanel& panel, const SignPixels& pixels, int64_t pixel,
                   const SignOutput& out, int64_t at) {
  // Read before stores to y, which might change them.
  const int64_t *places = pixels.places + pixel, pixelBytes = out.pixelBytes, known = panel.known;
  const int32_t* starts = pixels.starts + panel.first;
  const auto low = V::repeat(out.low), high = V::repeat(out.high);
  const auto zeroPoint = V::repeat(out.zeroPoint);
  char* y = out.at(at, panel.first);
  each<VECTORS>([&](auto vector) {
    const auto scale = V::loadFloats(panel.scale + vector * V::kLanes), bias = V::loadFloats(panel.bias + vector * V::kLanes);
    const int64_t count = known - vector * V::kLanes;
    each<ROWS>([&](auto row) {
      constexpr int kPair = (row * VECTORS + vector) * 2;
      const auto start = V::load(starts + places[row] + vector * V::kLanes);
      const auto v = V::scaled(V::minusTwice(start, V::narrow(counts[kPair], counts[kPair + 1])), scale, bias);
      char* to = y + row * pixelBytes + SignOutput::bytes(FORM, vector * V::kLanes);
      if constexpr (FORM == Form::float32) V::storeFloats(reinterpret_cast<float*>(to), v, count);
      else if constexpr (FORM == Form::signs) V::storeSigns(to, v, count);
      else V::storeCodes(reinterpret_cast<uint8_t*>(to), V::requantize(v, low, high, zeroPoint), count);
    });
  });
}

// ROWS pixels from `pixel` on × VECTORS·kLanes outputs of a panel, to y from pixel `at` on. `flatten` inlines all of it: counts are in
// registers only then.
template <class V, int ROWS, int VECTORS>
__attribute__((flatten)) void tile(const SignPanel& panel, const SignPixels& pixels, int64_t pixel, const SignOutput& out, int64_t at) {
  using Int = typename V::Int;
  constexpr int kCounts = 2 * VECTORS, kLanes = V::kLanes / 2, kHalf = (ROWS + 1) / 2;
  Int counts[ROWS * kCounts];
  const uint64_t* weights = panel.weights;
  const int64_t step = pixels.step;
  const uint64_t* first = pixels.words + pixel * step;
  // Two pointers to a word of the tile's pixels: with more to add to, addresses would move to vector registers and wait there for their
  // turn.
  const auto take = [&](const uint64_t* upper, const uint64_t* lower, auto begins) {
    Int w[kCounts];
    each<kCounts>([&](auto v) { w[v] = V::load(weights + v * kLanes); });
    each<ROWS>([&](auto row) {
      const Int x = V::broadcast64(row < kHalf ? upper[row * step] : lower[(row - kHalf) * step]);
      each<kCounts>([&](auto v) {
        Int& count = counts[row * kCounts + v];
        if constexpr (begins) count = V::different(x, w[v]);
        else count = V::add64(count, V::different(x, w[v]));
      });
    });
    weights += kCounts * kLanes;
  };
  take(first + pixels.offsets[0], first + pixels.offsets[0] + kHalf * step, Index<true>());
  for (int64_t run = 0; run < pixels.runs; run++) {
    const uint64_t* upper = first + pixels.offsets[run];
    const uint64_t* const end = upper + pixels.length;
    upper += run == 0;
    for (const uint64_t* lower = upper + kHalf * step; upper < end; upper++, lower++) take(upper, lower, Index<false>());
  }
  switch (out.form) {
    case Form::float32: return finish<V, Form::float32, ROWS, VECTORS>(counts, panel, pixels, pixel, out, at);
    case Form::signs: return finish<V, Form::signs, ROWS, VECTORS>(counts, panel, pixels, pixel, out, at);
    default: return finish<V, Form::uint8, ROWS, VECTORS>(counts, panel, pixels, pixel, out, at);
  }
}

template <class V, int VECTORS, int ROWS = V::kTileRows>
INLINE void tileOfRows(int64_t rows, const SignPanel& panel, const SignPixels& pixels, int64_t pixel, const SignOutput& out, int64_t at) {
  if (rows == ROWS) return tile<V, ROWS, VECTORS>(panel, pixels, pixel, out, at);
  if constexpr (ROWS > 1) tileOfRows<V, VECTORS, ROWS - 1>(rows, panel, pixels, pixel, out, at);
}

// One panel for `count` pixels in tiles of about equal height, to y from pixel `at` on.
template <class V, int VECTORS = V::kVectors>
INLINE void strip(int64_t count, const SignPanel& panel, const SignPixels& pixels, const SignOutput& out, int64_t at) {
  if constexpr (VECTORS > 1)
    if (panel.known <= (VECTORS - 1) * V::kLanes) return strip<V, VECTORS - 1>(count, panel, pixels, out, at);
  const int64_t rows = ceilDiv(count, ceilDiv(count, V::kTileRows));
  for (int64_t p = 0; p < count; p += rows) tileOfRows<V, VECTORS>(smaller(rows, count - p), panel, pixels, p, out, at + p);
}

// Copies pixels of `channels` signs, with bits of 0 after the last one.
INLINE void copySigns(uint64_t* to, const uint64_t* from, int64_t pixels, int64_t channels) {
  const int64_t words = signWords(channels);
  memcpy(to, from, static_cast<size_t>(pixels * words) * 8);
  if (channels % 64)
    for (int64_t i = words - 1; i < pixels * words; i += words) to[i] &= firstBits(channels % 64);
}

// Signs of outputs fill whole panels only: the rest of each row is zeros.
INLINE void clearSigns(const View& y, const SignOutput& out) {
  if (out.form == Form::signs) memset(y.data, 0, static_cast<size_t>(y.size()));
}

}  // namespace
}  // namespace lowbit
