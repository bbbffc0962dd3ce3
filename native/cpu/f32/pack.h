// Packing weights into the panels that tile.h reads: [steps][panelWidth(outputs)], lanes without an output are 0.
#pragma once
#include "../../core/unroll.h"
#include "tile.h"

namespace lowbit {
namespace {

// to[c][r] = from[r][c] for 8 x 8 floats; rows from `count` on are 0.
INLINE void transpose8(const float* from, int64_t fromStep, int64_t count, float* to, int64_t toStep) {
  __m256 rows[8], pairs[8], quads[8];
  each<8>([&](auto r) { rows[r] = r < count ? _mm256_loadu_ps(from + r * fromStep) : _mm256_setzero_ps(); });
  each<4>([&](auto i) {
    pairs[2 * i] = _mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
    pairs[2 * i + 1] = _mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
  });
  // quads[4h + c] holds columns c and c + 4 of rows 4h to 4h + 3.
  each<4>([&](auto i) {
    constexpr int at = i / 2 * 4 + i % 2;
    quads[2 * i] = _mm256_shuffle_ps(pairs[at], pairs[at + 2], 0x44);
    quads[2 * i + 1] = _mm256_shuffle_ps(pairs[at], pairs[at + 2], 0xee);
  });
  each<4>([&](auto c) {
    _mm256_storeu_ps(to + c * toStep, _mm256_permute2f128_ps(quads[c], quads[4 + c], 0x20));
    _mm256_storeu_ps(to + (c + 4) * toStep, _mm256_permute2f128_ps(quads[c], quads[4 + c], 0x31));
  });
}

// Packs a row for each output, `rowStep` floats apart. Two blocks a row at a time use up a cache line: where rows are a large power of two
// apart, it would be gone before the next visit.
static void packRows(const float* weights, int64_t rowStep, int64_t outputs, int64_t steps, float* panel) {
  const int64_t width = panelWidth(outputs), whole = steps / 8 * 8;
  for (int64_t k = 0; k < whole; k += 16)
    for (int64_t j = 0; j < width; j += 8)
      for (int64_t half = k; half < k + 16 && half < whole; half += 8)
        transpose8(weights + j * rowStep + half, rowStep, outputs - j, panel + half * width + j, width);
  for (int64_t k = whole; k < steps; k++)
    for (int64_t j = 0; j < width; j++) panel[k * width + j] = j < outputs ? weights[j * rowStep + k] : 0;
}

// The same for weights (outputs, steps).
INLINE void packRows(const float* weights, int64_t outputs, int64_t steps, float* panel) {
  packRows(weights, steps, outputs, steps, panel);
}

// Packs a column for each output, `step` floats from one step to the next.
INLINE void packColumns(const float* matrix, int64_t step, int64_t outputs, int64_t steps, float* panel) {
  const int64_t width = panelWidth(outputs);
  const Lanes low(outputs), high(outputs > kWidth ? outputs - kWidth : 0);
  for (int64_t k = 0; k < steps; k++) {
    Lanes(kWidth).store(panel + k * width, low.load(matrix + k * step));
    if (width > kWidth) Lanes(kWidth).store(panel + k * width + kWidth, high.load(matrix + k * step + kWidth));
  }
}

}  // namespace
}  // namespace lowbit
