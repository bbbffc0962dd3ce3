// Convolutions of codes: windows of NHWC images are the left rows of products, weights (o, kh, kw, c / groups) the right ones, groups
// products of their own. A channel that meets one output has too few products for tensor cores: depthwise convolutions multiply in ordinary
// ones.
#pragma once
#include <algorithm>

#include "../op.h"
#include "depthParts.cuh"
#include "divisor.cuh"

namespace lowbit {
namespace {

struct Windows {
  int height, width, channels;  // of x
  int rows, columns;            // of y
  int depth;                    // channels of a group
  int kernel[2], strides[2], dilations[2], pads[2];
  Divisor byDepth, byKernelWidth, byColumns, byRows;

  template <class C>
  Windows(const C& c, int64_t kernelHeight, int64_t kernelWidth, int64_t channelCount)
      : height(number(c.x.shape[1])),
        width(number(c.x.shape[2])),
        channels(number(channelCount)),
        rows(number(c.y.shape[1])),
        columns(number(c.y.shape[2])),
        depth(number(channelCount / c.groups.integer())),
        kernel{number(kernelHeight), number(kernelWidth)},
        strides{number(c.strides[0]), number(c.strides[1])},
        dilations{number(c.dilations[0]), number(c.dilations[1])},
        pads{number(c.pads[0]), number(c.pads[1])},
        byDepth(depth ? depth : 1),
        byKernelWidth(kernelWidth),
        byColumns(columns),
        byRows(rows) {}
  static int number(int64_t x) { return static_cast<int>(x); }

  INLINE int taps() const { return kernel[0] * kernel[1]; }
  // Pixel (row, column) of x that tap 0 of a window reads, seen from its image.
  INLINE int top(int row) const { return row * strides[0] - pads[0]; }
  INLINE int left(int column) const { return column * strides[1] - pads[1]; }
  // The number of the pixel at tap (r, s) of the window that begins at (top, left), or -1 outside.
  INLINE int pixel(int top, int left, int r, int s) const {
    const int row = top + r * dilations[0], column = left + s * dilations[1];
    return row >= 0 && row < height && column >= 0 && column < width ? row * width + column : -1;
  }
};

// Row i is the window of output pixel i: its taps' channels one after another, `padding` outside the image.
template <int piece> struct WindowRows {
  static constexpr bool inMemory = piece == 16;
  struct Row {
    int image, top, left;  // image: -1 beyond the last row
  };
  const uint8_t* x;
  int64_t count;
  Windows windows;
  uint32_t padding;  // its code in each byte

  DEVICE WindowRows of(int64_t group) const {
    WindowRows one = *this;
    one.x += group * windows.depth;
    return one;
  }
  DEVICE int depth() const { return windows.taps() * windows.depth; }
  DEVICE Row row(int64_t i) const {
    if (i >= count) return {-1, 0, 0};
    const int pixel = static_cast<int>(i), line = windows.byColumns.quotient(pixel), image = windows.byRows.quotient(line);
    return {image, windows.top(line - image * windows.rows), windows.left(pixel - line * windows.columns)};
  }
  // Where the tap's channels are, or nullptr outside the image.
  DEVICE const uint8_t* tap(Row row, int tap) const {
    const int r = windows.byKernelWidth.quotient(tap), s = tap - r * windows.kernel[1];
    const int pixel = windows.pixel(row.top, row.left, r, s);
    if (pixel < 0) return nullptr;
    return x + (row.image * static_cast<int64_t>(windows.height * windows.width) + pixel) * windows.channels;
  }
  DEVICE const void* address(Row row, int k) const {
    if (row.image < 0 || k >= depth()) return nullptr;
    const int at = windows.byDepth.quotient(k);
    const uint8_t* from = tap(row, at);
    return from ? from + (k - at * windows.depth) : nullptr;
  }
  DEVICE uint4 chunk(Row row, int k) const {
    const int end = row.image < 0 ? 0 : depth();
    if constexpr (inMemory) {
      const uint32_t outside = k < end ? padding : 0;
      return make_uint4(outside, outside, outside, outside);
    } else {
      int at = windows.byDepth.quotient(k), channel = k - at * windows.depth;
      const uint8_t* from = k < end ? tap(row, at) : nullptr;
      return chunkOf<piece>([&](int i) {
        if (channel == windows.depth) {
          channel = 0;
          from = k + i * piece < end ? tap(row, ++at) : nullptr;
        }
        const int mine = channel;
        channel += piece;
        if (k + i * piece >= end) return Piece<piece>(0);
        return from ? *reinterpret_cast<const Piece<piece>*>(from + mine) : static_cast<Piece<piece>>(padding);
      });
    }
  }
};

// Of depthwise convolutions a warp has `vector` channels a lane, a thread kStrip neighbouring pixels of y; the block's weights lie in
// shared memory as (tap, channel).
constexpr int kStrip = 4, kStrips = 8;

template <class Code, int vector, class Weights>
__global__ void __launch_bounds__(32 * kStrips) depthwise(const uint8_t* __restrict__ x, const Windows windows, const Weights weights,
                                                          const CodeOutput output, int weightZero, const Divisor across, int64_t strips) {
  constexpr int block = 32 * vector;
  using Codes = Piece<vector>;
  int8_t* const levels = reinterpret_cast<int8_t*>(dynamicShared());
  const int firstChannel = static_cast<int>(blockIdx.y) * block, lane = static_cast<int>(threadIdx.x);
  for (int i = static_cast<int>(threadIdx.y) * 32 + lane; i < windows.taps() * block; i += 32 * kStrips) {
    const auto own = weights.of(firstChannel + i % block);
    levels[i] = static_cast<int8_t>(firstChannel + i % block < windows.channels ? own.code(own.row(0), i / block) : 0);
  }
  __syncthreads();

  const int channel = firstChannel + lane * vector;
  if (channel >= windows.channels) return;
  const uint32_t padding = (output.leftZero & 255) * kEachByte;
  for (int64_t strip = blockIdx.x * int64_t{kStrips} + threadIdx.y; strip < strips; strip += gridDim.x * int64_t{kStrips}) {
    const int line = across.quotient(static_cast<int>(strip)), image = windows.byRows.quotient(line);
    const int firstColumn = (static_cast<int>(strip) - line * across.by) * kStrip, top = windows.top(line - image * windows.rows);
    const uint8_t* pixels = x + int64_t{image} * windows.height * windows.width * windows.channels + channel;

    int sums[kStrip][vector] = {}, totals[vector] = {};
    for (int r = 0; r < windows.kernel[0]; r++)
      for (int s = 0; s < windows.kernel[1]; s++) {
        const Codes word = *reinterpret_cast<const Codes*>(levels + (r * windows.kernel[1] + s) * block + lane * vector);
        int level[vector];
#pragma unroll
        for (int v = 0; v < vector; v++) totals[v] += level[v] = static_cast<int8_t>(word >> 8 * v) - weightZero;
#pragma unroll
        for (int p = 0; p < kStrip; p++) {
          const int pixel = windows.pixel(top, windows.left(firstColumn + p), r, s);
          Codes codes = static_cast<Codes>(padding);
          if (pixel >= 0) codes = *reinterpret_cast<const Codes*>(pixels + static_cast<int64_t>(pixel) * windows.channels);
#pragma unroll
          for (int v = 0; v < vector; v++) sums[p][v] += static_cast<Code>(codes >> 8 * v) * level[v];
        }
      }
    CodeOutput::Column columns[vector];
#pragma unroll
    for (int v = 0; v < vector; v++) columns[v] = output.column(channel + v, totals[v]);
#pragma unroll
    for (int p = 0; p < kStrip; p++) {
      const int64_t row = int64_t{line} * windows.columns + firstColumn + p;
      if (firstColumn + p >= windows.columns) break;
      if (output.inBytes()) {
        Codes codes = 0;
#pragma unroll
        for (int v = 0; v < vector; v++)
          codes = static_cast<Codes>(codes | output.byte(row, channel + v, columns[v], sums[p][v], 0) << 8 * v);
        reinterpret_cast<Codes*>(output.out.y.data)[(row * windows.channels + channel) / vector] = codes;
      } else {
#pragma unroll
        for (int v = 0; v < vector; v++) output.put(row, channel + v, columns[v], sums[p][v], 0);
      }
    }
  }
}

// Weights of a block of channels; a kernel too large for them is a product of tiles.
constexpr int64_t kMostLevels = 96 << 10;

template <class Weights> void depthwiseOnCard(const qconv2d_call& c, const Windows& windows, const Weights& weights, CodeOutput output) {
  const bool words = pieceOf(c.x.data, windows.channels) >= 4 && pieceOf(c.y.data, windows.channels) >= 4;
  output.columns = windows.channels;
  output.rightZero = 0;
  const int block = words ? 128 : 32;
  const Divisor across(ceilDiv(windows.columns, kStrip));
  const int64_t strips = across.by * c.y.shape[0] * windows.rows, blocks = ceilDiv(windows.channels, block);
  const int64_t most = ceilDiv(16 * cardMultiprocessors(), blocks);
  const Launch launch{dim3(static_cast<unsigned>(smaller(ceilDiv(strips, kStrips), most)), static_cast<unsigned>(blocks)),
                      dim3(32, kStrips), static_cast<size_t>(windows.taps() * block)};
  const auto start = [&](auto kernel) {
    run(kernel, launch, c.x.as<uint8_t>(), windows, weights, output, static_cast<int>(c.wZero.integer()), across, strips);
  };
  if (c.x.dtype == Dtype::uint8) start(words ? depthwise<uint8_t, 4, Weights> : depthwise<uint8_t, 1, Weights>);
  else start(words ? depthwise<int8_t, 4, Weights> : depthwise<int8_t, 1, Weights>);
}

// What becomes of the sums of a convolution, group by group.
inline CodeOutput outputOf(const qconv2d_call& c) {
  EXPECT(c.x.shape[3] == c.w.shape[3] * c.groups.integer() && c.y.shape[3] == c.w.shape[0]);
  EXPECT(c.bias.size() == c.w.shape[0] && c.scale.size() == c.w.shape[0] && c.pads.count == 4 && c.strides.count == 2);
  const int64_t outputs = c.y.shape[3] / c.groups.integer();
  return {.out = {c.y, Requantize(c.yZero, c.qmin, c.qmax)},
          .rows = c.y.count(0, 3),
          .columns = outputs,
          .pitch = c.y.shape[3],
          .bias = c.bias.as<int32_t>(),
          .scale = c.scale.as<float>(),
          .multiplier = 0,
          .leftZero = zeroOf(c.xZero),
          .rightZero = zeroOf(c.wZero),
          .depth = static_cast<uint32_t>(c.w.count(1, 4)),
          .step = outputs,
          .columnStep = outputs};
}

// Whether pixels and codes can be counted in int.
inline bool fitsWindows(const qconv2d_call& c) {
  return c.x.count(1, 4) <= INT32_MAX && c.w.count(1, 4) <= INT32_MAX && c.y.count(0, 3) <= INT32_MAX;
}

inline uint32_t paddingOf(const qconv2d_call& c) { return static_cast<uint8_t>(c.xZero.integer()) * kEachByte; }

// y = out(bias + Σ (x - xZero)·(w - wZero), scale), as qconv2d_reference has it. weightsIn(piece) is the operand of the weights, its rows
// (o, kh·kw·c / groups), in pieces of 1 or of at most `most` bytes.
template <class F> bool convolveCodes(const qconv2d_call& c, int most, F&& weightsIn) {
  const CodeOutput output = outputOf(c);
  if (!fitsWindows(c)) return false;
  if (!c.y.size()) return true;
  const Windows windows(c, c.w.shape[1], c.w.shape[2], c.x.shape[3]);
  if (output.columns == 1 && windows.depth == 1 && windows.taps() * int64_t{128} <= kMostLevels) {
    depthwiseOnCard(c, windows, weightsIn(std::integral_constant<int, 1>()), output);
    return true;
  }
  withPiece(std::min(most, pieceOf(c.x.data, windows.depth)), [&]<int piece>(std::integral_constant<int, piece> size) {
    const WindowRows<piece> x{c.x.as<uint8_t>(), output.rows, windows, paddingOf(c)};
    const auto weights = weightsIn(size);
    const int64_t groups = c.groups.integer();
    withProducts(c.x, [&]<class Products>(Products) {
      if (groups == 1) multiplyInParts<Products>(x, weights, output);
      else multiplyInTiles<Products>(x, weights, output, output.rows, output.columns, output.depth, groups);
    });
  });
  return true;
}

}  // namespace
}  // namespace lowbit
