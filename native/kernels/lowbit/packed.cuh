// Rows of packed low-bit weights (core/levels.h) as int8 levels, sixteen at a time, on their way to the products.
#pragma once
#include "../../core/levels.h"
#include "../../cuda/codes.cuh"

namespace lowbit {
namespace {

struct PackedRows {
  static constexpr bool inMemory = false;
  struct Row {
    const uint8_t* data;  // nullptr beyond the last row
  };
  const uint8_t* data;
  int64_t rows;
  int depth, bytes;  // codes and bytes of a row
  Levels grid;

  DEVICE PackedRows of(int64_t batch) const { return {data + batch * rows * bytes, rows, depth, bytes, grid}; }
  DEVICE Row row(int64_t i) const { return {i < rows ? data + i * bytes : nullptr}; }
  // 16 codes from k on are as many pairs of bytes as a code has bits.
  DEVICE uint4 chunk(Row row, int k) const {
    if (!row.data || k >= depth) return make_uint4(0, 0, 0, 0);
    const int from = k / 16 * 2 * grid.bits;
    uint64_t codes = 0;
#pragma unroll
    for (int i = 0; i < kMostBits; i++)
      if (i < grid.bits && from + 2 * i < bytes) codes |= uint64_t{*reinterpret_cast<const uint16_t*>(row.data + from + 2 * i)} << 16 * i;
    const auto four = [&](int i) { return levels(static_cast<uint32_t>(codes >> 4 * i * grid.bits)) & kept(depth - k - 4 * i); };
    return make_uint4(four(0), four(1), four(2), four(3));
  }
  DEVICE int code(Row row, int k) const {
    const int bit = k * grid.bits, at = bit / 8;
    const int word = row.data[at] | (at + 1 < bytes ? row.data[at + 1] << 8 : 0);
    return grid.level(word >> bit % 8 & ((1 << grid.bits) - 1));
  }

 private:
  // The levels of the four codes at the low end of a word: the codes are drawn apart into bytes, and no byte borrows from the next.
  DEVICE uint32_t levels(uint32_t codes) const {
    const uint32_t two = (1u << 2 * grid.bits) - 1, one = (1u << grid.bits) - 1;
    const uint32_t low = codes & ((two << 2 * grid.bits) | two);
    const uint32_t pairs = (low | low << (16 - 2 * grid.bits)) & two * 0x00010001u;
    const uint32_t each = (pairs | pairs << (8 - grid.bits)) & one * kEachByte;
    return (((each * static_cast<uint32_t>(grid.step)) | kSignBits) - static_cast<uint32_t>(-grid.lowest) * kEachByte) ^ kSignBits;
  }
  // The first `count` bytes of a word.
  static DEVICE uint32_t kept(int count) { return count >= 4 ? ~0u : count <= 0 ? 0 : (1u << 8 * count) - 1; }
};

inline PackedRows packedRows(const View& packed, int64_t depth, int64_t groups, const Levels& grid) {
  return {packed.as<uint8_t>(), packed.shape[0] / groups, static_cast<int>(depth), static_cast<int>(packed.shape[1]), grid};
}
// Whether pairs of bytes have even addresses.
inline bool holdsPairs(const View& packed) { return reinterpret_cast<uintptr_t>(packed.data) % 2 == 0; }

}  // namespace
}  // namespace lowbit
