// A convolution of every channel with its own kernel. A block of channels fills a vector of codes; the codes of kGroup rows of the kernel
// in one column are interleaved, so that a lane holds one channel's codes under those taps and one instruction adds their products.
// Neighbouring outputs share the columns between them, interleaved once: shuffles and loads are the limit.
//
// Weights: [block][column][group of kGroup rows][vector][lane][row], channels in the order that interleaving gives, 0 for rows and channels
// that do not exist. Unsigned bytes are read where they lie: a row above or below the image is a row of zero points, and only outputs at
// the left and right edge look where each tap is. Others come from bands of padded copies.
#pragma once
#include "../../core/arithmetic.h"
#include "bands.h"

namespace lowbit {
namespace {

constexpr int64_t kMostKernelRows = 16;
constexpr int64_t kDepthwiseGrain = 1 << 18;  // products worth a thread

// What the taps of one row of outputs read.
template <class Code> struct KernelRows {
  const Code* rows[kMostKernelRows];
  int64_t left, columns;  // the column of the first output's first tap, and the columns that there are
};

template <class V> struct Depthwise {
  static constexpr int kGroup = V::kGroup, kLanes = V::kLanes, kBlock = kGroup * kLanes;
  using Code = typename V::Code;
  using Weight = typename V::Weight;
  using Int = typename V::Int;
  const qconv2d_call& c;
  int64_t channels, kh, kw, stride, dilation, groupsPerColumn, blocks, width;  // width of y; stride and dilation along it
  const Code* zeros;                                                           // a row of zero points
  int32_t* bias;
  float* scale;
  Weight* weights;

  // The channel in its block that lane `l` of vector `v` holds.
  static int64_t channelOf(int64_t v, int64_t l) { return l / 4 * (4 * kGroup) + v * 4 + l % 4; }

  explicit Depthwise(const qconv2d_call& call)
      : c(call),
        channels(c.x.shape[3]),
        kh(c.w.shape[1]),
        kw(c.w.shape[2]),
        stride(c.strides[1]),
        dilation(c.dilations[1]),
        groupsPerColumn(ceilDiv(kh, kGroup)),
        blocks(ceilDiv(channels, kBlock)),
        width(c.y.shape[2]) {}
  int64_t weightsPerLane() const { return kw * groupsPerColumn * kGroup; }
  int64_t packedBytes() const { return blocks * kBlock * (8 + weightsPerLane() * int64_t{sizeof(Weight)}); }
  void place(char* at) {
    bias = reinterpret_cast<int32_t*>(at);
    scale = reinterpret_cast<float*>(bias + blocks * kBlock);
    weights = reinterpret_cast<Weight*>(scale + blocks * kBlock);
  }

  // From w (channels, kh·kw).
  template <class W> void pack(const W& w, const int32_t* biases, const float* scales, int32_t zeroPoint) {
    memset(weights, 0, static_cast<size_t>(blocks * kBlock * weightsPerLane()) * sizeof(Weight));
    for (int64_t at = 0; at < blocks * kBlock; at++) {
      const int64_t lane = at % kBlock, block = at / kBlock, channel = block * kBlock + channelOf(lane / kLanes, lane % kLanes);
      bias[at] = 0;
      scale[at] = 0;
      if (channel >= channels) continue;
      Weight* to = weights + block * kBlock * weightsPerLane() + lane * kGroup;
      uint32_t sum = 0;
      for (int64_t row = 0; row < kh; row++)
        for (int64_t column = 0; column < kw; column++) {
          const int8_t value = w.at(channel, row * kw + column);
          to[(column * groupsPerColumn + row / kGroup) * kBlock * kGroup + row % kGroup] = value;
          sum += static_cast<uint32_t>(value);
        }
      bias[at] = static_cast<int32_t>(static_cast<uint32_t>(biases[channel]) - static_cast<uint32_t>(zeroPoint) * sum);
      scale[at] = scales[channel];
    }
  }

  // One row of outputs, to y[at..].
  void row(const KernelRows<Code>& taps, const Output& out, int64_t at) const {
    const bool shares = kw == 3 && dilation == 1 && groupsPerColumn == ceilDiv(3, kGroup);
    for (int64_t block = 0; block < blocks; block++)
      if (shares && stride == 1) blockRow<1>(taps, block, out, at);
      else if (shares && stride == 2) blockRow<2>(taps, block, out, at);
      else blockRow<0>(taps, block, out, at);
  }

 private:
  // STRIDE: of three columns that are shared, or 0
  template <int STRIDE> void blockRow(const KernelRows<Code>& taps, int64_t block, const Output& out, int64_t at) const {
    constexpr int kAtOnce = V::kNeighbours;
    int64_t j = 0;
    const auto inside = [&](int64_t first, int64_t last) {
      return taps.left + first * stride >= 0 && taps.left + last * stride + (kw - 1) * dilation < taps.columns;
    };
    while (j < width) {
      if constexpr (STRIDE > 0) {
        for (; j + kAtOnce <= width && inside(j, j + kAtOnce - 1); j += kAtOnce) neighbours<kAtOnce, STRIDE>(taps, block, j, out, at);
        if (j == width) return;
      }
      single(taps, block, j++, out, at);
    }
  }

  template <int PIXELS, int STRIDE>
  INLINE void neighbours(const KernelRows<Code>& taps, int64_t block, int64_t j, const Output& out, int64_t at) const {
    Int sums[PIXELS * kGroup];
    start<PIXELS>(block, sums);
    constexpr int kGroups = (3 + kGroup - 1) / kGroup;
    const Weight* weight = weights + block * kBlock * weightsPerLane();
    const int64_t from = (taps.left + j * STRIDE) * channels + block * kBlock;
    each<(PIXELS - 1) * STRIDE + 3>([&](auto column) {
      each<kGroups>([&](auto group) {
        Int x[kGroup];
        each<kGroup>([&](auto t) { x[t] = V::load(taps.rows[group * kGroup + t] + from + column * channels); });
        V::interleave(x);
        each<PIXELS>([&](auto p) {
          constexpr int tap = column - p * STRIDE;
          if constexpr (tap >= 0 && tap < 3) multiply<p>(sums, x, weight + (tap * kGroups + group) * kBlock * kGroup);
        });
      });
    });
    finish<PIXELS>(block, sums, out, at + j * channels + block * kBlock);
  }

  void single(const KernelRows<Code>& taps, int64_t block, int64_t j, const Output& out, int64_t at) const {
    Int sums[kGroup];
    start<1>(block, sums);
    const Weight* weight = weights + block * kBlock * weightsPerLane();
    for (int64_t tap = 0; tap < kw; tap++) {
      const int64_t column = taps.left + j * stride + tap * dilation;
      const bool exists = column >= 0 && column < taps.columns;
      const int64_t from = (exists ? column * channels : 0) + block * kBlock;
      for (int64_t group = 0; group < groupsPerColumn; group++, weight += kBlock * kGroup) {
        Int x[kGroup];
        each<kGroup>([&](auto t) { x[t] = V::load((exists ? taps.rows[group * kGroup + t] : zeros) + from); });
        V::interleave(x);
        multiply<0>(sums, x, weight);
      }
    }
    finish<1>(block, sums, out, at + j * channels + block * kBlock);
  }

  template <int PIXELS> INLINE void start(int64_t block, Int (&sums)[PIXELS * kGroup]) const {
    each<kGroup>([&](auto v) {
      const Int first = V::load(bias + block * kBlock + v * kLanes);
      each<PIXELS>([&](auto p) { sums[p * kGroup + v] = first; });
    });
  }

  template <int P, int COUNT> static INLINE void multiply(Int (&sums)[COUNT], const Int (&x)[kGroup], const Weight* weight) {
    each<kGroup>([&](auto v) { sums[P * kGroup + v] = V::dot(sums[P * kGroup + v], x[v], V::load(weight + v * kLanes * kGroup)); });
  }

  template <int PIXELS> INLINE void finish(int64_t block, const Int (&sums)[PIXELS * kGroup], const Output& out, int64_t at) const {
    const int64_t count = channels - block * kBlock;
    typename V::Float scales[kGroup];
    each<kGroup>([&](auto v) { scales[v] = V::loadFloats(scale + block * kBlock + v * kLanes); });
    each<PIXELS>([&](auto p) {
      typename V::Float real[kGroup];
      each<kGroup>([&](auto v) { real[v] = V::scaled(sums[p * kGroup + v], scales[v]); });
      if (out.real) storeFloats(static_cast<float*>(out.y) + at + p * channels, real, count);
      else storeCodes(static_cast<uint8_t*>(out.y) + at + p * channels, real, out, count);
    });
  }

  static INLINE void storeCodes(uint8_t* y, const typename V::Float (&real)[kGroup], const Output& out, int64_t count) {
    Int codes[kGroup];
    if constexpr (V::kPacksFour) {
      const typename V::Packing packing(out.zeroPoint, out.least, out.isSigned);
      each<kGroup>([&](auto v) { codes[v] = V::rounded(real[v], V::repeat(out.high)); });
      V::storeCodes64(y, packing.withinParts(codes), count);
    } else {
      each<kGroup>([&](auto v) { codes[v] = V::requantize(real[v], V::repeat(out.low), V::repeat(out.high), V::repeat(out.zeroPoint)); });
      V::storeInterleaved(y, codes, count);
    }
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

// Rows of the kernel in a group that is not full read what its last row reads; their weights are 0.
template <class V, class F> INLINE void eachKernelRow(const Depthwise<V>& work, F&& row) {
  for (int64_t r = 0; r < work.groupsPerColumn * V::kGroup; r++) row(r, smaller(r, work.kh - 1));
}

// Unsigned bytes, in place.
template <class V> void depthwiseInPlace(const Depthwise<V>& work, const Output& out) {
  using Code = typename V::Code;
  const qconv2d_call& c = work.c;
  const int64_t height = c.x.shape[1], rowCodes = c.x.shape[2] * work.channels, rows = c.y.shape[1];
  const Code* x = reinterpret_cast<const Code*>(c.x.as<uint8_t>());
  const int64_t products = work.width * work.blocks * work.kBlock * work.weightsPerLane();
  parallel(c.x.shape[0] * rows, 1 + kDepthwiseGrain / products, [&](int64_t begin, int64_t end) {
    KernelRows<Code> taps{{}, -c.pads[1], c.x.shape[2]};
    for (int64_t i = begin; i < end; i++) {
      const int64_t image = i / rows, top = i % rows * c.strides[0] - c.pads[0];
      eachKernelRow(work, [&](int64_t r, int64_t real) {
        const int64_t row = top + real * c.dilations[0];
        taps.rows[r] = row >= 0 && row < height ? x + (image * height + row) * rowCodes : work.zeros;
      });
      work.row(taps, out, i * work.width * work.channels);
    }
  });
}

template <class V>
void depthwiseInBands(const Depthwise<V>& work, const Bands<V>& bands, int64_t workers, typename V::Code* copies, const Output& out) {
  const qconv2d_call& c = work.c;
  bands.each(workers, copies, [&](const typename V::Code* codes, int64_t at, int64_t rows) {
    KernelRows<typename V::Code> taps{{}, 0, bands.rowCodes / work.channels};
    for (int64_t i = 0; i < rows; i++) {
      eachKernelRow(work,
                    [&](int64_t r, int64_t real) { taps.rows[r] = codes + (i * c.strides[0] + real * c.dilations[0]) * bands.rowCodes; });
      work.row(taps, out, at + i * work.width * work.channels);
    }
  });
}

template <class V, class W> bool depthwiseConvolution(const qconv2d_call& c, const W& w) {
  using Code = typename V::Code;
  const Bands<V> bands(c);
  Depthwise<V> work(c);
  if (work.groupsPerColumn * V::kGroup > kMostKernelRows) return false;
  const bool inPlace = sizeof(Code) == 1 && !bands.flip;
  const int64_t workers = smaller(threads(), bands.count()), ownBytes = Derived::working(c.kept, work.packedBytes());
  const int64_t zeroCodes = inPlace ? c.x.shape[2] * work.channels + 64 : 0;
  const int64_t codes = inPlace ? zeroCodes : workers * bands.codesPerBand();
  char* scratch = allocateScratch(ownBytes + codes * int64_t{sizeof(Code)});
  if (!scratch) return false;
  const Derived packed(c.kept, work.packedBytes(), scratch);
  if (!packed.memory) {
    free(scratch);
    return false;
  }
  work.place(packed.memory);
  if (!packed.filled) work.pack(w, c.bias.as<int32_t>(), c.scale.as<float>(), bands.zeroPoint);

  Code* memory = reinterpret_cast<Code*>(scratch + ownBytes);
  work.zeros = memory;
  const Output out(c.y, c.yZero, c.qmin, c.qmax);
  if (inPlace) {
    bands.fill(memory, memory + zeroCodes);
    depthwiseInPlace(work, out);
  } else {
    depthwiseInBands(work, bands, workers, memory, out);
  }
  packed.done();
  free(scratch);
  return true;
}

}  // namespace
}  // namespace lowbit
