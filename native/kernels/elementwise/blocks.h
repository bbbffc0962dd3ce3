// Elementwise functions of any type: blocks of the operands are widened (core/wide.h), the function runs on them, its results are narrowed.
#pragma once
#include "../../core/wide.h"

namespace lowbit {

constexpr int64_t kBlock = 512;

// Calls body(f, blocks, count) for blocks of N operands, broadcast to y as in numpy; blocks[0] takes the results.
template <class W, int N> using BlockBody = void (*)(const void* f, W (*blocks)[kBlock], int64_t count);
template <class W, int N> void eachBlock(const View& y, const View* const (&operands)[N], const void* f, BlockBody<W, N> body);

// y[i] = f(operands[i], ...) computed in W: double, int64_t or uint64_t
template <class W, class F, class... Operands> void blockwise(const View& y, F f, const Operands&... operands) {
  constexpr int N = sizeof...(Operands);
  const View* const list[N] = {&operands...};
  eachBlock<W, N>(y, list, &f, [](const void* context, W(*blocks)[kBlock], int64_t count) {
    const F& f = *static_cast<const F*>(context);
    for (int64_t i = 0; i < count; i++) {
      if constexpr (N == 1) blocks[0][i] = static_cast<W>(f(blocks[0][i]));
      else if constexpr (N == 2) blocks[0][i] = static_cast<W>(f(blocks[0][i], blocks[1][i]));
      else blocks[0][i] = static_cast<W>(f(blocks[0][i], blocks[1][i], blocks[2][i]));
    }
  });
}

}  // namespace lowbit
