// How boxes of a matrix are told to the part of a card that copies them (compute capability 9.0): made on the host, read by the card where
// it lies among a kernel's parameters.
#pragma once
#include <stdint.h>

namespace lowbit {

struct alignas(128) TensorMap {
  uint64_t words[16];
};

// Boxes of `boxRows` rows by 128 bytes of rows of `depth` bytes, one right after the other; what lies outside the matrix arrives as zeros.
// In shared memory chunk c of 16 bytes of row r takes place c ^ (r % 8). data and depth are multiples of 16, boxRows is at most 256.
constexpr int kBoxBytes = 128;
TensorMap tensorMapOf(const void* data, int64_t depth, int64_t rows, int boxRows);

}  // namespace lowbit
