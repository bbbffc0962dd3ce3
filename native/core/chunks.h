// Long sums over pixels, cut so that threads can share one of them: a sum over `lines` lines of `width` pixels in order, for each of
// `sums` results, is cut into chunks of whole lines. The number of chunks depends on the shape alone, so results do not depend on the
// threads: each chunk is summed in order from 0, then the chunks' sums are added in order.
#pragma once
#include "arithmetic.h"

namespace lowbit {

struct Chunks {
  int64_t lines, width, count;

  // About 4096 pixels a chunk, at most 16 chunks, and at most 2^20 partial sums (but always one chunk).
  INLINE Chunks(int64_t lines, int64_t width, int64_t sums) : lines(lines), width(width) {
    const int64_t wanted = smaller(smaller(lines, lines * width / 4096), smaller(16, (int64_t{1} << 20) / (sums + 1)));
    count = wanted < 1 ? 1 : wanted;
  }
  // One chunk.
  static INLINE Chunks whole(int64_t pixels) { return Chunks(pixels, 1, int64_t{1} << 20); }
  // Chunk i is the pixels from first(i) to first(i + 1).
  INLINE int64_t first(int64_t i) const { return lines * i / count * width; }
};

}  // namespace lowbit
