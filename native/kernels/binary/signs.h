// Signs as bits: bit i of a row of bytes is 1 where element i is +1, low bits of a byte first, zero bits up to a multiple of 64. That is
// how weights of 1 bit are packed (core/levels.h); activations have such a row for each pixel. Bits beyond the last element say nothing.
#pragma once
#include "../../core/arithmetic.h"
#include "../../core/check.h"
#include "../../op.h"

namespace lowbit {
namespace {

INLINE int64_t signWords(int64_t signs) { return ceilDiv(signs, 64); }
// A word of `count` ones, 1 to 64, at its low end; any more are 64.
INLINE uint64_t firstBits(int64_t count) { return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1; }
INLINE int signAt(const uint8_t* row, int64_t i) { return (row[i / 8] >> i % 8 & 1) * 2 - 1; }

// Signs [from, from + count) of rows, count from 1 to 64. Reads only the words that have them.
struct SomeSigns {
  int64_t count, word, shift;
  uint64_t mask;
  bool split;  // between two words

  INLINE SomeSigns(int64_t from, int64_t many)
      : count(many), word(from / 64), shift(from % 64), mask(firstBits(many)), split(shift + many > 64) {}
  INLINE uint64_t of(const uint64_t* row) const {
    const uint64_t low = row[word] >> shift;
    return (split ? low | row[word + 1] << (64 - shift) : low) & mask;
  }
};

// `channels` signs in the last dimension, and the same others as `like`.
inline bool holdsSigns(const View& bits, int64_t channels) {
  return bits.dtype == Dtype::uint8 && bits.rank >= 1 && bits.dim(-1) == 8 * signWords(channels);
}

inline void expectProduct(const binaryGemm_call& c) {
  EXPECT(holdsSigns(c.a, c.columns.integer()) && holdsSigns(c.b, c.columns.integer()) && c.y.rank == c.a.rank);
  EXPECT(c.bias.size() == c.b.shape[0] && c.scale.size() == c.b.shape[0]);
}

inline void expectProduct(const binaryConv2d_call& c) {
  const int64_t channels = c.channels.integer(), groups = c.groups.integer();
  EXPECT(holdsSigns(c.x, channels) && holdsSigns(c.w, c.kernel[0] * c.kernel[1] * (channels / groups)) && c.x.rank == 4 && c.y.rank == 4);
  EXPECT(c.bias.size() == c.w.shape[0] && c.scale.size() == c.w.shape[0] && c.pads.count == 4 && c.strides.count == 2);
}

}  // namespace
}  // namespace lowbit
