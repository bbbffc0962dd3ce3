// Products of codes for references.
#pragma once
#include "view.h"

namespace lowbit {
namespace {

// sum + Σ (a[i] - aZero)·(b[i] - bZero) modulo 2^32. Differences of codes fit 16 bits, for whose products there is an instruction that
// compilers find.
template <class A> INLINE uint32_t dot(uint32_t sum, const A* a, const int8_t* b, int64_t k, int32_t aZero, int32_t bZero) {
  const int16_t az = static_cast<int16_t>(aZero), bz = static_cast<int16_t>(bZero);
  for (int64_t i = 0; i < k; i++) {
    const int16_t p = static_cast<int16_t>(a[i] - az), q = static_cast<int16_t>(b[i] - bz);
    sum += static_cast<uint32_t>(p * q);
  }
  return sum;
}

}  // namespace
}  // namespace lowbit
