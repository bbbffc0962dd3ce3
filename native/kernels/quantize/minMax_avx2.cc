// The range of a whole tensor, 32 numbers at a time; reading memory is the limit.
#include <immintrin.h>
#include <math.h>

#include "../../core/check.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

struct Range {
  float low, high;
  bool nan;
};

float lowest(__m256 v) {
  float lane[8], low = INFINITY;
  _mm256_storeu_ps(lane, v);
  for (float x : lane) low = x < low ? x : low;
  return low;
}

// A minimum or maximum whose second operand is not NaN is not NaN either.
Range rangeOf(const float* x, int64_t n) {
  __m256 low[4], high[4], nan = _mm256_setzero_ps();
  for (int j = 0; j < 4; j++) low[j] = _mm256_set1_ps(INFINITY), high[j] = _mm256_set1_ps(-INFINITY);
  int64_t i = 0;
  for (; i + 32 <= n; i += 32)
    for (int j = 0; j < 4; j++) {
      const __m256 v = _mm256_loadu_ps(x + i + 8 * j);
      low[j] = _mm256_min_ps(v, low[j]);
      high[j] = _mm256_max_ps(v, high[j]);
      nan = _mm256_or_ps(nan, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    }
  const __m256 least = _mm256_min_ps(_mm256_min_ps(low[0], low[1]), _mm256_min_ps(low[2], low[3]));
  const __m256 most = _mm256_max_ps(_mm256_max_ps(high[0], high[1]), _mm256_max_ps(high[2], high[3]));
  Range range{lowest(least), -lowest(_mm256_sub_ps(_mm256_setzero_ps(), most)), _mm256_movemask_ps(nan) != 0};
  for (; i < n; i++) {
    range.low = x[i] < range.low ? x[i] : range.low;
    range.high = x[i] > range.high ? x[i] : range.high;
    range.nan |= x[i] != x[i];
  }
  return range;
}

}  // namespace

bool minMax_avx2(const minMax_call& c) {
  EXPECT(c.x.dtype == Dtype::float32);
  const int64_t size = c.x.size();
  if (c.perAxis.integer() || !size) return false;
  constexpr int64_t kGrain = 16384, kMost = 64;
  const int64_t grains = (size + kGrain - 1) / kGrain, wanted = threads() < grains ? threads() : grains,
                shares = wanted < kMost ? wanted : kMost;
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

}  // namespace lowbit
