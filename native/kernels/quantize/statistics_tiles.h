// The range of a whole tensor, four vectors at a time: reading memory is the limit. The histogram, its bins a vector at a time: the
// counts, one after the other, are the limit.
#pragma once
#include <math.h>
#include <string.h>

#include "../../core/check.h"
#include "../../core/scratch.h"
#include "../../core/unroll.h"
#include "../../cpu/f32/vector.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

#if defined(__AVX512F__)

using Bins = __m512i;
using Mask = __mmask16;

INLINE Mask none() { return 0; }
INLINE Mask either(Mask a, Mask b) { return static_cast<Mask>(a | b); }
INLINE Mask isNaN(Vector x) { return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q); }
INLINE bool any(Mask a) { return a != 0; }

// The bin of |x|·scale, those of negative numbers `bins` further on; NaN goes to `nowhere`.
INLINE Bins binsOf(Vector x, Vector scale, Vector top, int32_t bins, int32_t nowhere) {
  const Vector magnitude = _mm512_min_ps(_mm512_mul_ps(_mm512_abs_ps(x), scale), top);
  const Bins bin = _mm512_cvttps_epi32(magnitude), offset = _mm512_set1_epi32(bins);
  const Bins placed = _mm512_mask_add_epi32(bin, _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), bin, offset);
  return _mm512_mask_mov_epi32(placed, isNaN(x), _mm512_set1_epi32(nowhere));
}
INLINE void storeInts(int32_t* p, Bins x) { _mm512_storeu_si512(p, x); }

#else

using Bins = __m256i;
using Mask = __m256;

INLINE Mask none() { return _mm256_setzero_ps(); }
INLINE Mask either(Mask a, Mask b) { return _mm256_or_ps(a, b); }
INLINE Mask isNaN(Vector x) { return _mm256_cmp_ps(x, x, _CMP_UNORD_Q); }
INLINE bool any(Mask a) { return _mm256_movemask_ps(a) != 0; }

// The bin of |x|·scale, those of negative numbers `bins` further on; NaN goes to `nowhere`.
INLINE Bins binsOf(Vector x, Vector scale, Vector top, int32_t bins, int32_t nowhere) {
  const Vector magnitude = _mm256_min_ps(_mm256_mul_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), x), scale), top);
  const Mask negative = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ);
  const Bins offset = _mm256_and_si256(_mm256_castps_si256(negative), _mm256_set1_epi32(bins));
  const Bins placed = _mm256_add_epi32(_mm256_cvttps_epi32(magnitude), offset);
  return _mm256_blendv_epi8(placed, _mm256_set1_epi32(nowhere), _mm256_castps_si256(isNaN(x)));
}
INLINE void storeInts(int32_t* p, Bins x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x); }

#endif

constexpr int64_t kGrain = 16384, kMost = 64;

// A tensor is cut into one share a thread.
int64_t sharesOf(int64_t size) {
  const int64_t grains = (size + kGrain - 1) / kGrain, wanted = threads() < grains ? threads() : grains;
  return wanted < kMost ? wanted : kMost;
}

struct Range {
  float low, high;
  bool nan;
};

// A minimum or maximum whose second operand is not NaN is not NaN either.
Range rangeOf(const float* x, int64_t n) {
  constexpr int kAtOnce = 4;
  Vector low[kAtOnce], high[kAtOnce];
  Mask nan = none();
  each<kAtOnce>([&](auto j) { low[j] = repeat(INFINITY), high[j] = repeat(-INFINITY); });
  int64_t i = 0;
  for (; i + kAtOnce * kWidth <= n; i += kAtOnce * kWidth)
    each<kAtOnce>([&](auto j) {
      const Vector v = load(x + i + kWidth * j);
      low[j] = smaller(v, low[j]);
      high[j] = larger(v, high[j]);
      nan = either(nan, isNaN(v));
    });
  float lows[kWidth], highs[kWidth];
  Lanes(kWidth).store(lows, smaller(smaller(low[0], low[1]), smaller(low[2], low[3])));
  Lanes(kWidth).store(highs, larger(larger(high[0], high[1]), larger(high[2], high[3])));
  Range range{INFINITY, -INFINITY, any(nan)};
  auto add = [&](float least, float most) {
    range.low = least < range.low ? least : range.low;
    range.high = most > range.high ? most : range.high;
    range.nan |= least != least;
  };
  for (int j = 0; j < kWidth; j++) add(lows[j], highs[j]);
  for (; i < n; i++) add(x[i], x[i]);
  return range;
}

bool minMaxTiled(const minMax_call& c) {
  EXPECT(c.x.dtype == Dtype::float32);
  const int64_t size = c.x.size(), shares = sharesOf(size);
  if (c.perAxis.integer() || !size) return false;
  Range ranges[kMost];
  parallel(shares, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) {
      const int64_t begin = size * i / shares, end = size * (i + 1) / shares;
      ranges[i] = rangeOf(c.x.as<float>() + begin, end - begin);
    }
  });
  Range all = ranges[0];
  for (int64_t i = 1; i < shares; i++) {
    all.low = ranges[i].low < all.low ? ranges[i].low : all.low;
    all.high = ranges[i].high > all.high ? ranges[i].high : all.high;
    all.nan |= ranges[i].nan;
  }
  float* y = c.y.as<float>();
  y[0] = all.nan ? NAN : all.low + 0.0f;  // -0 becomes 0, whichever of the two came first
  y[1] = all.nan ? NAN : all.high + 0.0f;
  return true;
}

// Neighbours count in four tables in turn: they often share a bin, and a count waits for the one before it.
constexpr int kTables = 4;

// Each table has a place for NaN behind its bins.
void count(const float* x, int64_t n, float scale, int64_t bins, int32_t* tables, int64_t width) {
  const Vector scales = repeat(scale), top = repeat(static_cast<float>(bins - 1));
  const int32_t further = static_cast<int32_t>(bins), nowhere = static_cast<int32_t>(width - 1);
  int32_t found[2][kWidth];
  auto find = [&](int64_t at, int64_t slot) { storeInts(found[slot], binsOf(load(x + at), scales, top, further, nowhere)); };
  auto add = [&](int64_t slot, int64_t j) { tables[(j % kTables) * width + found[slot][j]]++; };
  // The bins of the next vector are found while those of this one are counted: what was just stored as a vector is slow to read.
  int64_t slot = 0;
  if (n > 0) find(0, slot);
  for (int64_t i = 0; i < n; i += kWidth, slot ^= 1) {
    if (i + kWidth < n) find(i + kWidth, slot ^ 1);
    if (i + kWidth <= n) each<kWidth>([&](auto j) { add(slot, j); });
    else
      for (int64_t j = 0; i + j < n; j++) add(slot, j);
  }
}

bool histogramTiled(const histogram_call& c) {
  const int64_t size = c.x.size(), bins = c.bins.integer(), width = 2 * bins + 1;
  EXPECT(c.x.dtype == Dtype::float32 && size < (int64_t{1} << 31) && c.y.size() == 2 * bins);
  // Tables that are as large as the tensor are not worth adding up.
  const int64_t shares = size < 8 * kTables * width ? 1 : sharesOf(size), bytes = shares * kTables * width * 4;
  int32_t* const tables = static_cast<int32_t*>(scratch(static_cast<size_t>(bytes)));
  memset(tables, 0, static_cast<size_t>(bytes));
  const float scale = ldexpf(1.0f, -static_cast<int>(c.exponent.integer()));
  parallel(shares, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) {
      const int64_t begin = size * i / shares, end = size * (i + 1) / shares;
      count(c.x.as<float>() + begin, end - begin, scale, bins, tables + i * kTables * width, width);
    }
  });
  int32_t* out = c.y.as<int32_t>();
  memset(out, 0, static_cast<size_t>(2 * bins) * sizeof *out);
  for (int64_t table = 0; table < shares * kTables; table++)
    for (int64_t bin = 0; bin < 2 * bins; bin++) out[bin] += tables[table * width + bin];
  return true;
}

}  // namespace
}  // namespace lowbit
