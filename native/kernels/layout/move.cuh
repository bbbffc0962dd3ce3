// Moving elements without computing, on the card: as the largest words that fit.
#pragma once
#include "../../core/strided.h"
#include "../../core/types.h"
#include "../../cuda/launch.h"

namespace lowbit {
namespace {

// body(Type<Word>) with the largest word of which all sizes and addresses are multiples.
template <class F> void asWords(uint64_t sizesAndAddresses, F&& body) {
  switch (sizesAndAddresses & -sizesAndAddresses) {
    case 1: return body(Type<uint8_t>());
    case 2: return body(Type<uint16_t>());
    case 4: return body(Type<uint32_t>());
    case 8: return body(Type<uint2>());
    default: return body(Type<uint4>());
  }
}
inline uint64_t addressOf(const void* p) { return reinterpret_cast<uintptr_t>(p); }

}  // namespace

// y[i, j, ...] = x[i, j, ...] along a plan of y and x in elements of some bytes.
void moveAlong(const Strided<2>& plan, int64_t bytes, void* y, const void* x);

}  // namespace lowbit
