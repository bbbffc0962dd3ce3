#include "../../cpu/int8/vector_avx512vnni.h"
#include "products.h"

namespace lowbit {
namespace {

// vpopcntq: 512 signs in three instructions.
struct Counter : Vector {
  static constexpr int kVectors = 2, kTileRows = 6;  // 6 × 4 counts, 4 weights and a word of a pixel

  static INLINE Int broadcast64(uint64_t word) { return _mm512_set1_epi64(static_cast<long long>(word)); }
  static INLINE Int different(Int x, Int w) { return _mm512_popcnt_epi64(_mm512_xor_si512(x, w)); }
  static INLINE Int add64(Int a, Int b) { return _mm512_add_epi64(a, b); }
  // Counts of eight outputs each, as 16 lanes.
  static INLINE Int narrow(Int a, Int b) {
    const Int even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_epi32(a, even, b);
  }
  static INLINE Int minusTwice(Int a, Int b) { return _mm512_sub_epi32(_mm512_sub_epi32(a, b), b); }
  static INLINE Float scaled(Int sums, Float scale, Float bias) { return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), scale, bias); }
  // Whole vectors without a mask, which costs more than the rest of what a sum becomes.
  static INLINE void storeFloats(float* y, Float v, int64_t count) {
    if (count >= kLanes) _mm512_storeu_ps(y, v);
    else Vector::storeFloats(y, v, count);
  }
  static INLINE void storeCodes(uint8_t* y, Int q, int64_t count) {
    if (count >= kLanes) _mm_storeu_si128(reinterpret_cast<__m128i*>(y), _mm512_cvtepi32_epi8(q));
    else Vector::storeCodes(y, q, count);
  }
  static INLINE void storeSigns(char* y, Float v, int64_t count) {
    const __mmask16 all = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GE_OQ), signs = count >= kLanes ? all : all & lanes(count);
    memcpy(y, &signs, 2);
  }
};

}  // namespace

bool binaryGemm_avx512popcnt(const binaryGemm_call& c) { return multiplySigns<Counter>(c); }
bool binaryConv2d_avx512popcnt(const binaryConv2d_call& c) { return convolveSigns<Counter>(c); }

}  // namespace lowbit
