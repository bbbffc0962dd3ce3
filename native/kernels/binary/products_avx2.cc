#include "../../cpu/int8/vector_256.h"
#include "products.h"

namespace lowbit {
namespace {

// Ones of half a byte by a table (vpshufb), added up over eight bytes (vpsadbw): 256 signs in nine instructions.
struct Counter : Vector256 {
  static constexpr int kVectors = 1, kTileRows = 4;  // 4 × 2 counts, 2 weights, table, mask and zero, a word of a pixel, two to work with

  static INLINE Int broadcast64(uint64_t word) { return _mm256_set1_epi64x(static_cast<long long>(word)); }
  static INLINE Int add64(Int a, Int b) { return _mm256_add_epi64(a, b); }
  static INLINE Int different(Int x, Int w) {
    const Int ones = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const Int half = _mm256_set1_epi8(15), different = _mm256_xor_si256(x, w);
    const Int low = _mm256_shuffle_epi8(ones, _mm256_and_si256(different, half));
    const Int high = _mm256_shuffle_epi8(ones, _mm256_and_si256(_mm256_srli_epi16(different, 4), half));
    return _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256());
  }
  // Counts of four outputs each, as eight lanes.
  static INLINE Int narrow(Int a, Int b) {
    const Float even = _mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88);
    return _mm256_permute4x64_epi64(_mm256_castps_si256(even), 0xd8);
  }
  static INLINE Int minusTwice(Int a, Int b) { return _mm256_sub_epi32(_mm256_sub_epi32(a, b), b); }
  static INLINE Float scaled(Int sums, Float scale, Float bias) { return _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), scale, bias); }
  static INLINE void storeSigns(char* y, Float v, int64_t count) {
    const int signs = _mm256_movemask_ps(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GE_OQ));
    *y = static_cast<char>(count < kLanes ? signs & ((1 << count) - 1) : signs);
  }
};

}  // namespace

bool binaryGemm_avx2(const binaryGemm_call& c) { return multiplySigns<Counter>(c); }
bool binaryConv2d_avx2(const binaryConv2d_call& c) { return convolveSigns<Counter>(c); }

}  // namespace lowbit
