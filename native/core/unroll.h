// Loops that are unrolled at compile time, so that an array indexed by their counter stays in registers.
#pragma once
#include "view.h"

namespace lowbit {
namespace {

template <int I> struct Index {
  constexpr operator int() const { return I; }
};

// f(Index<0>()), f(Index<1>()), ... f(Index<N - 1>())
template <int N, int I = 0, class F> INLINE void each(F&& f) {
  if constexpr (I < N) {
    f(Index<I>());
    each<N, I + 1>(f);
  }
}

}  // namespace
}  // namespace lowbit
