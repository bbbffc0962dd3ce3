// The pixels that tiles read: x itself where the window never leaves it sideways, otherwise a copy of a few rows of one group's channels
// between columns of zeros, so that every pixel of a row has the same taps. A copy costs about 1/8 clock a float, and each float is
// multiplied kh·kw·kPanel times.
#pragma once
#include <string.h>

#include "panels.h"

namespace lowbit {
namespace {

constexpr int64_t kBandFloats = 1 << 15;  // 128 KB: beside a panel in the second-level cache

// What a copy of rows of x looks like: [row][left + columns + right][groupIn]
struct Halo {
  int64_t left, right;  // columns of zeros
  int64_t rowFloats;
  int64_t height;  // rows of y that a copy serves
  int64_t floats;  // 0: x needs no copy

  INLINE explicit Halo(const Sweep& p) {
    const Window& w = p.columns;
    const int64_t end = w.start(p.width - 1) + (w.kernel - 1) * w.dilation + 1;
    const bool reads = w.kernel && p.rows.kernel;  // a phase may have no taps
    left = reads && w.pad > 0 ? w.pad : 0;
    right = reads && end > w.input ? end - w.input : 0;
    rowFloats = (left + w.input + right) * p.groupIn;
    const int64_t extent = (p.rows.kernel - 1) * p.rows.dilation + 1;
    height = (kBandFloats / (rowFloats + 1) - extent) / p.rows.stride + 1;
    if (height < 1) height = 1;
    if (height > p.height) height = p.height;
    const int64_t read = (height - 1) * p.rows.stride + extent, rows = read < p.rows.input ? read : p.rows.input;
    floats = left + right ? (rows * rowFloats + 15) / 16 * 16 : 0;
  }
  // Whether the zeros are worth their memory.
  INLINE bool isNarrow(const Sweep& p) const { return left + right <= 64 + p.columns.input; }
};

// Pixel (row, column) of a part's channels is at memory[origin + row·rowStep + column·step].
struct Pixels {
  const float* memory;
  int64_t origin, rowStep, step;
};

// What a thread has of x at hand: the pixels for the rows [first, end) of y of one image and group.
struct Band {
  float* copy;
  int64_t group, image, first, end;
  Pixels pixels;

  INLINE explicit Band(float* memory) : copy(memory), group(-1), image(-1), first(0), end(0), pixels{} {}

  // Makes row (n, i) of y computable.
  INLINE const Pixels& reach(const Sweep& p, const Halo& halo, const Part& part, int64_t n, int64_t i) {
    if (part.group == group && n == image && i >= first && i < end) return pixels;
    group = part.group;
    image = n;
    first = i;
    const int64_t row = p.columns.input * p.channels, origin = n * p.rows.input * row + part.firstIn;
    if (halo.floats) {
      end = i + halo.height < p.height ? i + halo.height : p.height;
      fill(p, halo, origin);
    } else {
      end = p.height;
      pixels = {p.x, origin, row, p.channels};
    }
    return pixels;
  }

  // Each tile asks for its share of what the next copy will read, so that copying does not wait for memory.
  INLINE void fetchAhead(const Sweep& p, const Halo& halo, const Tiles& tiles, int64_t n, int64_t i, int64_t tile) const {
    if (!halo.floats || p.groups > 1) return;
    const int64_t rows = p.rows.stride < p.rows.input ? p.rows.stride : p.rows.input, row = p.columns.input * p.channels;
    const int64_t share = rows * row / tiles.count, all = p.batch * p.rows.input * row;
    const int64_t from = n * p.rows.input * row + (i + halo.height) * rows * row + tile * share;
    for (int64_t at = from; at < from + share && at < all; at += 16) _mm_prefetch(reinterpret_cast<const char*>(p.x + at), _MM_HINT_T1);
  }

 private:
  INLINE void fill(const Sweep& p, const Halo& halo, int64_t origin) {
    const int64_t from = p.rows.start(first), to = p.rows.start(end - 1) + (p.rows.kernel - 1) * p.rows.dilation + 1;
    const int64_t firstRow = from > 0 ? from : 0, lastRow = to < p.rows.input ? to : p.rows.input;
    float* at = copy;
    for (int64_t row = firstRow; row < lastRow; row++, at += halo.rowFloats) {
      memset(at, 0, bytes(halo.left * p.groupIn));
      copyRow(p, p.x + (origin + row * p.columns.input * p.channels), at + halo.left * p.groupIn);
      memset(at + (halo.left + p.columns.input) * p.groupIn, 0, bytes(halo.right * p.groupIn));
    }
    pixels = {copy, halo.left * p.groupIn - firstRow * halo.rowFloats, halo.rowFloats, p.groupIn};
  }
  static INLINE void copyRow(const Sweep& p, const float* from, float* to) {
    if (p.groups == 1) {
      memcpy(to, from, bytes(p.columns.input * p.channels));
      return;
    }
    for (int64_t pixel = 0; pixel < p.columns.input; pixel++, from += p.channels, to += p.groupIn)
      for (int64_t c = 0; c < p.groupIn; c += kWidth) {
        const Lanes lanes(p.groupIn - c);
        lanes.store(to + c, lanes.load(from + c));
      }
  }
  static INLINE size_t bytes(int64_t floats) { return static_cast<size_t>(floats) * sizeof(float); }
};

}  // namespace
}  // namespace lowbit
