// How logits lie: (⌈n / 16⌉, K, 16), those of 16 weights together, for K of 1, 2, 4, 8 or 16.
#pragma once
#include "../../core/check.h"
#include "../../core/unroll.h"

namespace lowbit {
namespace {

constexpr int64_t kBlock = 16;

// body(Index<K>()) for the number of logits a weight
template <class F> INLINE void withLogits(int64_t k, F body) {
  switch (k) {
    case 1: return body(Index<1>());
    case 2: return body(Index<2>());
    case 4: return body(Index<4>());
    case 8: return body(Index<8>());
    default: EXPECT(k == 16); return body(Index<16>());
  }
}

INLINE void checkLogits(const View& logits, const View& values, int64_t size) {
  EXPECT(logits.rank == 3 && logits.shape[2] == kBlock && logits.shape[0] == (size + kBlock - 1) / kBlock);
  EXPECT(values.dtype == logits.dtype && values.size() == (logits.shape[1] == 1 ? 2 : logits.shape[1]));
}

}  // namespace
}  // namespace lowbit
