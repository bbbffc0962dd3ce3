// Work on a tensor seen as (outer, width), cut into blocks of at most kColumns neighbours: a reduction keeps one accumulator a column
// and still reads memory in order.
#pragma once
#include <algorithm>
#include <type_traits>

#include "../../cpu/pool.h"

namespace lowbit {

constexpr int64_t kColumns = 64;

// What elements of type T are summed in: integers wrap, real numbers keep the digits of a double.
template <class T> using Total = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;

// Calls body(row, column, count) for blocks that cover (outer, width); `work` is the number of elements behind one column.
template <class F> void eachBlock(int64_t outer, int64_t width, int64_t work, F&& body) {
  const int64_t blocks = (width + kColumns - 1) / kColumns;
  const int64_t cost = std::max<int64_t>(work, 1) * std::min(width, kColumns) + 1;
  parallel(outer * blocks, kElementGrain / cost + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t column = i % blocks * kColumns;
      body(i / blocks, column, std::min(kColumns, width - column));
    }
  });
}

}  // namespace lowbit
