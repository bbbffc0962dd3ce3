// Products of codes (docs/integers.md) for the tiles of products.cuh: their arithmetic, matrices of them, and what their sums become.
#pragma once
#include <type_traits>

#include "../core/rounding.h"
#include "products.cuh"

namespace lowbit {
namespace {

constexpr uint32_t kEachByte = 0x01010101u, kSignBits = 0x80808080u;

DEVICE int addSigned(uint32_t word, int sum) { return __dp4a(static_cast<int>(word), static_cast<int>(kEachByte), sum); }

template <class Code> struct CodeProducts {
  static constexpr bool leftSigned = static_cast<Code>(-1) < 0;

  static DEVICE void multiply(int (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    if constexpr (leftSigned) multiplyS8S8(sum, a, b0, b1);
    else multiplyU8S8(sum, a, b0, b1);
  }
  static DEVICE int addLeft(uint32_t word, int sum) {
    if constexpr (leftSigned) return addSigned(word, sum);
    else return addSigned(word ^ kSignBits, sum + 4 * 128);
  }
  static DEVICE int addRight(uint32_t word, int sum) { return addSigned(word, sum); }

  // sum + Σ (a - dotOffset)·b over the 16 codes of a chunk
  static constexpr int dotOffset = leftSigned ? 0 : 128;
  static DEVICE int dot(uint4 a, uint4 b, int sum) {
    constexpr uint32_t flip = dotOffset ? kSignBits : 0;
    const auto four = [](uint32_t x, uint32_t y, int so) { return __dp4a(static_cast<int>(x ^ flip), static_cast<int>(y), so); };
    return four(a.w, b.w, four(a.z, b.z, four(a.y, b.y, four(a.x, b.x, sum))));
  }
};

// Bytes come in pieces of 16, 4 or 1, whichever lies whole at an address that is a multiple of its size.
template <int bytes> using Piece = std::conditional_t<bytes == 1, uint8_t, uint32_t>;

// A chunk from pieces that are read(0), read(1), ...
template <int bytes, class F> DEVICE uint4 chunkOf(F&& read) {
  static_assert(bytes == 1 || bytes == 4);
  uint32_t words[4] = {};
#pragma unroll
  for (int i = 0; i < 16 / bytes; i++) words[i * bytes / 4] |= static_cast<uint32_t>(read(i)) << i * bytes % 4 * 8;
  return make_uint4(words[0], words[1], words[2], words[3]);
}

// Of rows of `depth` bytes, the first of them at `data`.
inline int pieceOf(const void* data, int64_t depth) {
  const uint64_t both = reinterpret_cast<uintptr_t>(data) | static_cast<uint64_t>(depth);
  return both % 16 == 0 ? 16 : both % 4 == 0 ? 4 : 1;
}
// body(std::integral_constant<int, piece>())
template <class F> void withPiece(int piece, F&& body) {
  if (piece == 16) body(std::integral_constant<int, 16>());
  else if (piece == 4) body(std::integral_constant<int, 4>());
  else body(std::integral_constant<int, 1>());
}

// The rows of a matrix, `depth` bytes each.
template <int piece> struct MatrixRows {
  static constexpr bool inMemory = piece == 16;
  struct Row {
    const uint8_t* data;  // nullptr beyond the last row
  };
  const uint8_t* data;
  int64_t rows;
  int depth;
  int64_t step = 0;  // from a product's rows to the next one's, in bytes

  DEVICE MatrixRows of(int64_t batch) const { return {data + batch * step, rows, depth}; }
  DEVICE Row row(int64_t i) const { return {i < rows ? data + i * depth : nullptr}; }
  DEVICE const void* address(Row row, int k) const { return row.data && k < depth ? row.data + k : nullptr; }
  DEVICE uint4 chunk(Row row, int k) const {
    if constexpr (inMemory) return make_uint4(0, 0, 0, 0);
    else
      return chunkOf<piece>([&](int i) {
        const int at = k + i * piece;
        return row.data && at < depth ? *reinterpret_cast<const Piece<piece>*>(row.data + at) : 0;
      });
  }
  DEVICE int code(Row row, int k) const { return static_cast<int8_t>(row.data[k]); }
};

// y[i, c] = out(bias[c] + Σ_k (left[i, k] - leftZero)·(right[c, k] - rightZero), scale[c]), where that sum is
// Σ left·right - leftZero·Σ right - rightZero·Σ left + depth·leftZero·rightZero modulo 2^32.
struct CodeOutput {
  struct Column {
    uint32_t start;
    float scale;
  };
  SumOutput out;
  int64_t rows, columns, pitch;  // pitch: from a row of y to the next
  const int32_t* bias;           // nullptr: none
  const float* scale;            // nullptr: `multiplier` for all
  float multiplier;
  uint32_t leftZero, rightZero, depth;
  int64_t step = 0, columnStep = 0;  // from a product to the next one, in y and in bias and scale
  int64_t first = 0;                 // of this product in y

  DEVICE CodeOutput of(int64_t batch) const {
    CodeOutput one = *this;
    one.first = batch * step;
    if (bias) one.bias += batch * columnStep;
    if (scale) one.scale += batch * columnStep;
    return one;
  }
  INLINE bool needsLeftTotals() const { return rightZero != 0; }
  INLINE bool needsRightTotals() const { return leftZero != 0; }
  DEVICE bool inBytes() const { return out.y.dtype == Dtype::uint8 || out.y.dtype == Dtype::int8; }
  DEVICE Column column(int64_t c, int total) const {
    if (c >= columns) return {0, 0};
    const uint32_t start = depth * leftZero * rightZero - leftZero * static_cast<uint32_t>(total);
    return {bias ? start + static_cast<uint32_t>(bias[c]) : start, scale ? scale[c] : multiplier};
  }
  DEVICE int sumOf(Column column, int sum, int total) const {
    return static_cast<int>(static_cast<uint32_t>(sum) + column.start - rightZero * static_cast<uint32_t>(total));
  }
  DEVICE unsigned byte(int64_t, int64_t, Column column, int sum, int total) const {
    return static_cast<uint8_t>(out.requantize(static_cast<float>(sumOf(column, sum, total)) * column.scale));
  }
  DEVICE void put(int64_t row, int64_t c, Column column, int sum, int total) const {
    if (row < rows && c < columns) out.put(first + row * pitch + c, sumOf(column, sum, total), column.scale);
  }
  DEVICE void putBytes(int64_t row, int64_t c, const unsigned char* bytes) const {
    if (row >= rows || c >= columns) return;
    uint8_t* y = out.y.as<uint8_t>() + first + row * pitch + c;
    if (c + 16 <= columns && reinterpret_cast<uintptr_t>(y) % 16 == 0) {
      *reinterpret_cast<uint4*>(y) = *reinterpret_cast<const uint4*>(bytes);
    } else {
      for (int i = 0; i < 16 && c + i < columns; i++) y[i] = bytes[i];
    }
  }
};

inline uint32_t zeroOf(const Param& zero) { return static_cast<uint32_t>(zero.integer()); }

// body with the products that multiply codes of x.
template <class F> void withProducts(const View& x, F&& body) {
  EXPECT(isCode(x));
  if (x.dtype == Dtype::uint8) body(CodeProducts<uint8_t>());
  else body(CodeProducts<int8_t>());
}

}  // namespace
}  // namespace lowbit
