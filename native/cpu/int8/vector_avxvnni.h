// 256-bit vpdpbusd: four unsigned codes times four signed weights are added to a lane, without saturation.
#pragma once
#include "vector_256.h"

namespace lowbit {
namespace {

struct Vector : ByteVector256 {
  static INLINE Int dot(Int sums, Int codes, Int weights) { return _mm256_dpbusd_avx_epi32(sums, codes, weights); }
};

// Weights of 4 bits need nothing else.
using LowbitVector = Vector;

}  // namespace
}  // namespace lowbit
