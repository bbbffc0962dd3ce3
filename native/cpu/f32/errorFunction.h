// erf of float32 lanes, to 1.02 units in the last place.
#pragma once
#include "functions.h"

namespace lowbit {
namespace {

// table[index % 16]
INLINE Vector lookup(const float (&table)[16], Ints index) {
#if defined(__AVX512F__)
  return _mm512_permutexvar_ps(reinterpret_cast<__m512i>(index), _mm512_load_ps(table));
#elif defined(__AVX2__)
  const __m256i at = reinterpret_cast<__m256i>(index);
  const Vector low = _mm256_permutevar8x32_ps(_mm256_load_ps(table), at), high = _mm256_permutevar8x32_ps(_mm256_load_ps(table + 8), at);
  return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(at, 28)));
#else
  return table[index & 15];
#endif
}

// erf |x| by the point that is next to it, with the sign of x; 1 from 3.99 on. Around sixteen points near multiples of 33/128, where erf is
// almost a float32: erf(point + t) = c[0] + t·c[1] + ... + t^6·c[6], minimax fits. Those around 0 are of erf t - t. (The tables are inside
// for graphics cards, which keep them in their own memory.)
INLINE Vector errorFunction(Vector x) {
  alignas(64) static constexpr float points[16] = {0,
                                                   0x1.07f89ep-2f,
                                                   0x1.0812a6p-1f,
                                                   0x1.8c0ff8p-1f,
                                                   0x1.080e62p+0f,
                                                   0x1.4a127cp+0f,
                                                   0x1.8bfb3p+0f,
                                                   0x1.cdf0ccp+0f,
                                                   0x1.0803d4p+1f,
                                                   0x1.28edcap+1f,
                                                   0x1.4a0c78p+1f,
                                                   0x1.6afab2p+1f,
                                                   0x1.8bf422p+1f,
                                                   0x1.acf12ep+1f,
                                                   0x1.cdea2p+1f,
                                                   0x1.eeea2p+1f};
  alignas(64) static constexpr float series[7][16] = {
      {0, 0x1.236424p-2f, 0x1.1188b4p-1f, 0x1.73baeap-1f, 0x1.b5f164p-1f, 0x1.dd0f72p-1f, 0x1.f14d84p-1f, 0x1.fa83acp-1f, 0x1.fe30bep-1f,
       0x1.ff783ep-1f, 0x1.ffdd2ap-1f, 0x1.fff80ep-1f, 0x1.fffe68p-1f, 0x1.ffffb8p-1f, 0x1.fffff4p-1f, 0x1.fffffep-1f},
      {0x1.06eba8p-3f, 0x1.0e4b08p+0f, 0x1.bac9b6p-1f, 0x1.3d931ap-1f, 0x1.8ebefep-2f, 0x1.b656b4p-3f, 0x1.a66676p-4f, 0x1.644048p-5f,
       0x1.068dacp-6f, 0x1.54502p-8f, 0x1.7f454p-10f, 0x1.7cbc22p-12f, 0x1.4a9f1p-14f, 0x1.f6770ep-17f, 0x1.4dd68p-19f, 0x1.823f36p-22f},
      {0x1.0d448p-23f, -0x1.16b59ep-2f, -0x1.c8c058p-2f, -0x1.eb535ep-2f, -0x1.9b4b5ep-2f, -0x1.1a95b6p-2f, -0x1.46af4ap-3f,
       -0x1.416b6ap-4f, -0x1.0ec5f6p-5f, -0x1.8ab896p-7f, -0x1.ee2104p-9f, -0x1.0debd8p-10f, -0x1.ff5d8cp-13f, -0x1.a50b24p-15f,
       0x1.61e632p-19f, 0x1.6a09ecp-18f},
      {-0x1.81284ep-2f, -0x1.387c34p-2f, -0x1.1445d4p-3f, 0x1.4d4e5ap-5f, 0x1.2bd0f6p-3f, 0x1.53af58p-3f, 0x1.0a7ae2p-3f, 0x1.4749c8p-4f,
       0x1.4894c2p-5f, 0x1.14dc5ap-6f, 0x1.88c20ap-8f, 0x1.de85eep-10f, 0x1.f3a95p-12f, 0x1.c129bep-14f, 0x1.7c6858p-16f, 0x1.2ea584p-18f},
      {0x1.993dd2p-16f, 0x1.0a6848p-3f, 0x1.77d758p-3f, 0x1.2753d2p-3f, 0x1.de4bc6p-5f, -0x1.e9700cp-7f, -0x1.84c60cp-5f, -0x1.784e1ap-5f,
       -0x1.f147fcp-6f, -0x1.fec1c2p-7f, -0x1.a83b6cp-8f, -0x1.262c94p-9f, -0x1.57f49ap-11f, -0x1.528dccp-13f, -0x1.7813d2p-10f,
       -0x1.b089d2p-11f},
      {0x1.d04fb6p-4f, 0x1.3d8cdep-4f, 0x1.511874p-9f, -0x1.cea3a6p-5f, -0x1.1538d2p-4f, -0x1.580792p-5f, -0x1.41eae6p-7f, 0x1.27b3e8p-7f,
       0x1.a7a878p-7f, 0x1.338ffep-7f, 0x1.40c35cp-8f, 0x1.08340ep-9f, 0x1.6302b4p-11f, 0x1.8d3354p-13f, -0x1.1c7abcp-14f,
       -0x1.b67116p-15f},
      {-0x1.ee1542p-8f, -0x1.5911bep-5f, -0x1.a200e2p-5f, -0x1.872e3cp-6f, 0x1.f30078p-8f, 0x1.659d94p-6f, 0x1.1ee8a4p-6f, 0x1.befd7p-8f,
       -0x1.5e31ep-11f, -0x1.898fbcp-9f, -0x1.3470bcp-9f, -0x1.5ab92ep-10f, -0x1.0b7be8p-11f, -0x1.ba58d4p-13f, 0x1.8a0e54p-5f,
       0x1.cd753p-6f},
  };
  const Vector size = smaller(repeat(3.99f), absolute(x)), shifted = multiplyAdd(size, repeat(128 / 33.0f), repeat(kShift));
  const Ints point = bitsOf(shifted);
  const Vector t = size - lookup(points, point), start = ifLess(shifted, repeat(kShift + 1), size, lookup(series[0], point));
  Vector sum = lookup(series[6], point);
  for (int i = 5; i >= 1; i--) sum = multiplyAdd(sum, t, lookup(series[i], point));
  return withSign(multiplyAdd(sum, t, start), x);
}

}  // namespace
}  // namespace lowbit
