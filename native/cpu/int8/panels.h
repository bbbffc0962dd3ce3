// Sums of products of codes with packed weights, and what becomes of them.
//
// A pixel has `runs` runs of `length` neighbouring codes, run r at offsets[r] from the pixel's first code: one run in a matrix
// product, one for each row of the kernel in a convolution. Weights come in panels of 2·kLanes channels (the last one of kLanes if
// that is enough), each [run][group of kGroup codes][channel][kGroup] with 0 after the last code of a run and the last channel.
// A tile holds kTileRows pixels × one panel of sums in registers; each step multiplies a group of a pixel's codes, broadcast, with
// that group of every channel. The multipliers are the limit as long as the panel comes from L1 or L2.
//
// Codes are unsigned: int8 codes and their zero point are moved up by 128. Reads of codes may pass a run's end by kGroup - 1.
#pragma once
#include <stdlib.h>

#include "../../core/arithmetic.h"
#include "../../core/unroll.h"
#include "weights.h"

namespace lowbit {
namespace {

// What turns stored activations into unsigned codes: q ^ flip.
INLINE uint8_t flipOf(const View& x) { return x.dtype == Dtype::int8 ? 128 : 0; }

template <class V> void loadCodes(typename V::Code* to, const uint8_t* from, int64_t count, uint8_t flip) {
  for (int64_t i = 0; i < count; i++) to[i] = from[i] ^ flip;
}

// Requantization to bytes, or float32.
struct Output {
  void* y;
  bool real, isSigned;
  float low, high;
  int32_t zeroPoint, least;  // the codes' zero point and lowest code

  Output(const View& view, double yZero, double qmin, double qmax)
      : y(view.data),
        real(view.dtype == Dtype::float32),
        isSigned(view.dtype == Dtype::int8),
        low(static_cast<float>(qmin - yZero)),
        high(static_cast<float>(qmax - yZero)),
        zeroPoint(static_cast<int32_t>(yZero)),
        least(static_cast<int32_t>(qmin)) {}
};

template <class V> struct Panels {
  static constexpr int kWidth = 2 * V::kLanes;
  int64_t outputs, runs, length;
  typename V::Weight* weights;
  int32_t* bias;  // bias - zero point · Σ w, one per channel of every panel
  float* scale;

  int64_t groups() const { return ceilDiv(length, V::kGroup); }
  int64_t count() const { return ceilDiv(outputs, kWidth); }
  int64_t panelSize() const { return runs * groups() * kWidth * V::kGroup; }
  int vectors(int64_t panel) const { return outputs - panel * kWidth > V::kLanes ? 2 : 1; }
  int64_t bytes() const { return count() * (panelSize() * int64_t{sizeof(typename V::Weight)} + kWidth * 8); }
  // Lays the parts out in memory of bytes().
  void place(char* at) {
    bias = reinterpret_cast<int32_t*>(at);
    scale = reinterpret_cast<float*>(bias + count() * kWidth);
    weights = reinterpret_cast<typename V::Weight*>(scale + count() * kWidth);
  }

  // Packs one panel of weights (outputs, runs·length), its biases and scales.
  template <class W> void pack(int64_t panel, const W& w, const int32_t* biases, const float* scales, int32_t zeroPoint) {
    const int64_t first = panel * kWidth, channels = vectors(panel) * V::kLanes, known = smaller(outputs - first, channels);
    w.from(first).template pack<V>(weights + panel * panelSize(), {channels, known, runs, length});
    int32_t sums[kWidth] = {};
    sumWeights(panel, sums);
    for (int64_t c = 0; c < kWidth; c++) {
      const uint32_t start = c < known ? static_cast<uint32_t>(biases[first + c]) : 0;
      bias[first + c] = static_cast<int32_t>(start - static_cast<uint32_t>(zeroPoint) * static_cast<uint32_t>(sums[c]));
      scale[first + c] = c < known ? scales[first + c] : 0;
    }
  }

  // Of one panel of weights that are codes, too: bias[c] = −zero point·(Σ w − shift), and one scale for all of it.
  void start(int32_t zeroPoint, int64_t shift, float multiplier) {
    int32_t sums[kWidth] = {};
    sumWeights(0, sums);
    for (int64_t c = 0; c < kWidth; c++) {
      bias[c] = static_cast<int32_t>(-static_cast<uint32_t>(zeroPoint) * (static_cast<uint32_t>(sums[c]) - static_cast<uint32_t>(shift)));
      scale[c] = multiplier;
    }
  }

 private:
  // Σ w of each channel of a panel: products with codes of 1.
  void sumWeights(int64_t panel, int32_t* sums) const {
    const typename V::Weight* from = weights + panel * panelSize();
    typename V::Code ones[V::kGroup];
    for (int i = 0; i < V::kGroup; i++) ones[i] = 1;
    const auto one = V::broadcast(ones);
    auto first = V::zero(), second = V::zero();
    const int64_t steps = runs * groups(), step = vectors(panel) * V::kLanes * V::kGroup;
    for (int64_t i = 0; i < steps; i++, from += step) {
      first = V::dot(first, one, V::load(from));
      if (step == kWidth * V::kGroup) second = V::dot(second, one, V::load(from + V::kLanes * V::kGroup));
    }
    V::storeInts(sums, first);
    V::storeInts(sums + V::kLanes, second);
  }
};

// Codes of a row of pixels: pixel p starts at codes + p·step.
template <class V> struct Pixels {
  const typename V::Code* codes;
  int64_t step;
  const int64_t* offsets;

  INLINE Pixels from(int64_t p) const { return {codes + p * step, step, offsets}; }
};

// Pixels whose sums start at the panel's bias plus starts[p].
template <class V> struct StartedPixels : Pixels<V> {
  const int32_t* starts;

  INLINE StartedPixels from(int64_t p) const { return {Pixels<V>::from(p), starts + p}; }
};

// The codes of ROWS pixels × VECTORS·kLanes channels, of which `count` exist: row r goes to y + r·stride.
template <class V, int ROWS, int VECTORS>
INLINE void storeTile(const typename V::Int (&sums)[ROWS * VECTORS], const float* scales, const Output& out, uint8_t* y, int64_t stride,
                      int64_t count) {
  const auto low = V::repeat(out.low), high = V::repeat(out.high);
  const auto zeroPoint = V::repeat(out.zeroPoint);
  if constexpr (!V::kPacksFour) {
    each<ROWS * VECTORS>([&](auto i) {
      constexpr int row = i / VECTORS, v = i % VECTORS;
      const auto real = V::scaled(sums[i], V::loadFloats(scales + v * V::kLanes));
      V::storeCodes(y + row * stride + v * V::kLanes, V::requantize(real, low, high, zeroPoint), count - v * V::kLanes);
    });
  } else {
    const typename V::Packing packing(out.zeroPoint, out.least, out.isSigned);
    typename V::Float scale[VECTORS];
    each<VECTORS>([&](auto v) { scale[v] = V::loadFloats(scales + v * V::kLanes); });
    constexpr int kFour = (ROWS * VECTORS + 3) / 4, kLast = ROWS * VECTORS - 1, kRows = 4 / VECTORS;
    each<kFour>([&](auto four) {
      typename V::Int rounded[4];
      each<4>([&](auto i) {
        constexpr int from = 4 * four + i < kLast ? 4 * four + i : kLast;
        rounded[i] = V::rounded(V::scaled(sums[from], scale[from % VECTORS]), high);
      });
      const auto codes = packing(rounded);
      each<kRows>([&](auto r) {
        if constexpr (four * kRows + r < ROWS) V::template storePart<VECTORS, r>(y + (four * kRows + r) * stride, codes, count);
      });
    });
  }
}

// Sums of ROWS pixels × VECTORS·kLanes channels; pixel p, channel c of the panel goes to y[at + p·stride + c].
template <class V, int ROWS, int VECTORS, class P>
void tile(const Panels<V>& panels, int64_t panel, const P& pixels, const Output& out, int64_t at, int64_t stride) {
  using Int = typename V::Int;
  Int sums[ROWS * VECTORS];
  const int64_t channel = panel * panels.kWidth, count = panels.outputs - channel;
  each<VECTORS>([&](auto v) {
    const Int bias = V::load(panels.bias + channel + v * V::kLanes);
    each<ROWS>([&](auto row) { sums[row * VECTORS + v] = bias; });
  });
  if constexpr (requires { pixels.starts; })
    each<ROWS * VECTORS>([&](auto i) { sums[i] = V::add(sums[i], V::repeat(pixels.starts[i / VECTORS])); });
  const typename V::Weight* weights = panels.weights + panel * panels.panelSize();
  const int64_t runs = panels.runs, groups = panels.groups(), step = pixels.step;
  for (int64_t run = 0; run < runs; run++) {
    const typename V::Code* codes = pixels.codes + pixels.offsets[run];
    for (int64_t g = 0; g < groups; g++, codes += V::kGroup, weights += VECTORS * V::kLanes * V::kGroup) {
      Int w[VECTORS];
      each<VECTORS>([&](auto v) { w[v] = V::load(weights + v * V::kLanes * V::kGroup); });
      each<ROWS>([&](auto row) {
        const Int x = V::broadcast(codes + row * step);
        each<VECTORS>([&](auto v) { sums[row * VECTORS + v] = V::dot(sums[row * VECTORS + v], x, w[v]); });
      });
    }
  }
  const float* scales = panels.scale + channel;
  if (out.real) {
    each<ROWS * VECTORS>([&](auto i) {
      constexpr int row = i / VECTORS, v = i % VECTORS;
      float* y = static_cast<float*>(out.y) + at + row * stride + v * V::kLanes;
      V::storeFloats(y, V::scaled(sums[i], V::loadFloats(scales + v * V::kLanes)), count - v * V::kLanes);
    });
  } else {
    storeTile<V, ROWS, VECTORS>(sums, scales, out, static_cast<uint8_t*>(out.y) + at, stride, count);
  }
}

template <class V, int VECTORS, int ROWS = V::kTileRows, class P>
INLINE void tileOf(int64_t rows, const Panels<V>& panels, int64_t panel, const P& pixels, const Output& out, int64_t at, int64_t stride) {
  if (rows == ROWS) return tile<V, ROWS, VECTORS>(panels, panel, pixels, out, at, stride);
  if constexpr (ROWS > 1) tileOf<V, VECTORS, ROWS - 1>(rows, panels, panel, pixels, out, at, stride);
}

// One panel for `count` pixels in tiles of about equal height, while the next `ahead` bytes of weights come to L2.
template <class V, class P>
void strip(int64_t count, const Panels<V>& panels, int64_t panel, const P& pixels, const Output& out, int64_t at, int64_t stride,
           int64_t ahead = 0) {
  const int64_t rows = ceilDiv(count, ceilDiv(count, V::kTileRows));
  const char* next = reinterpret_cast<const char*>(panels.weights + (panel + 1) * panels.panelSize());
  for (int64_t p = 0, asked = 0; p < count; p += rows) {
    for (; asked < ahead * (p + rows) / count; asked += 64) __builtin_prefetch(next + asked, 0, 2);
    const P some = pixels.from(p);
    if (panels.vectors(panel) == 2) tileOf<V, 2>(smaller(rows, count - p), panels, panel, some, out, at + p * stride, stride);
    else tileOf<V, 1>(smaller(rows, count - p), panels, panel, some, out, at + p * stride, stride);
  }
}

}  // namespace
}  // namespace lowbit
