// Loops unrolled by the compiler: an array that is only indexed by such constants stays in registers.
#pragma once
#include "../../core/view.h"

namespace lowbit {
namespace {

template <int N> struct Index {
  INLINE constexpr operator int() const { return N; }
};

// f(Index<0>), f(Index<1>), .. f(Index<N - 1>)
template <int N, int I = 0, class F> INLINE void each(F&& f) {
  if constexpr (I < N) {
    f(Index<I>{});
    each<N, I + 1>(f);
  }
}

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace
}  // namespace lowbit
