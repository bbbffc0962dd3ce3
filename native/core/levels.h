// Low-bit weights: the codes 0 .. 2^bits - 1 of one output channel are a row of bits, code i at bit i·bits, low bits of a byte first,
// padded with zeros to a multiple of 64 bits. A grid gives each code its integer level:
//
//   uniform   2·code - (2^bits - 1)      -1, 1;  -3, -1, 1, 3;  ...
//   zero      code - 2^(bits - 1)        -2 .. 1;  -4 .. 3;  ...
#pragma once
#include <string.h>

#include "arithmetic.h"

namespace lowbit {
namespace {

constexpr int kMostBits = 4;

struct Levels {
  int bits, step, lowest;

  // grid: 0 uniform, 1 zero; the order of the choices in lib/ops/lowbit.ts
  INLINE Levels(int64_t b, int64_t grid)
      : bits(static_cast<int>(b)), step(grid ? 1 : 2), lowest(grid ? -(1 << bits) / 2 : 1 - (1 << bits)) {}

  INLINE int64_t rowBytes(int64_t codes) const { return ceilDiv(codes * bits, 64) * 8; }
  INLINE int8_t level(int code) const { return static_cast<int8_t>(lowest + step * code); }
  INLINE bool has(int level) const { return level >= lowest && level < lowest + (step << bits) && (level - lowest) % step == 0; }
  INLINE int code(int level) const { return (level - lowest) / step; }

  // Code i of a row; of 3 bits, some run on into the next byte. Reads a byte past the row at most.
  INLINE int codeAt(const uint8_t* row, int64_t i) const {
    const int64_t bit = i * bits, byte = bit / 8;
    return ((row[byte + 1] << 8 | row[byte]) >> bit % 8) & ((1 << bits) - 1);
  }
  // Sets code i of a row of zeros.
  INLINE void put(uint8_t* row, int64_t i, int code) const {
    const int64_t bit = i * bits, byte = bit / 8, shift = bit % 8;
    row[byte] = static_cast<uint8_t>(row[byte] | code << shift);
    if (shift + bits > 8) row[byte + 1] = static_cast<uint8_t>(row[byte + 1] | code >> (8 - shift));
  }
};

// Rows of codes side by side, one for each lane of a vector; lanes from `count` on repeat the last row.
template <int LANES> struct LaneRows {
  const uint8_t* rows[LANES];

  LaneRows(const uint8_t* first, int64_t step, int64_t count) {
    for (int64_t lane = 0; lane < LANES; lane++) rows[lane] = first + smaller(lane, count - 1) * step;
  }
  // The 32 bits of a row from a byte on; they may pass its end by 3 bytes.
  INLINE int32_t word(int lane, int64_t byte) const {
    int32_t bits;
    memcpy(&bits, rows[lane] + byte, 4);
    return bits;
  }
};

}  // namespace
}  // namespace lowbit
