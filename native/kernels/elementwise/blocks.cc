#include "blocks.h"

#include <algorithm>
#include <utility>

#include "../../core/strided.h"
#include "../../cpu/pool.h"

namespace lowbit {
namespace {

template <int N, size_t... I> Strided<N> broadcastAll(const View& y, const View* const (&operands)[N], std::index_sequence<I...>) {
  return broadcast(y, *operands[I]...);
}

}  // namespace

template <class W, int N> void eachBlock(const View& y, const View* const (&operands)[N], const void* f, BlockBody<W, N> body) {
  const Strided<N> plan = broadcastAll<N>(y, operands, std::make_index_sequence<N>());
  parallel(y.size(), kElementGrain, [&](int64_t begin, int64_t end) {
    W blocks[N][kBlock];
    plan.walk(begin, end, [&](int64_t i, const int64_t* at, int64_t count) {
      for (int64_t done = 0; done < count; done += kBlock) {
        const int64_t n = std::min(kBlock, count - done);
        for (int k = 0; k < N; k++) widen(*operands[k], at[k] + done * plan.step(k), plan.step(k), n, blocks[k]);
        body(f, blocks, n);
        narrow(blocks[0], y, i + done, n);
      }
    });
  });
}

#define LOWBIT_BLOCKS(W, N) template void eachBlock<W, N>(const View&, const View* const(&)[N], const void*, BlockBody<W, N>);
LOWBIT_BLOCKS(double, 1)
LOWBIT_BLOCKS(double, 2)
LOWBIT_BLOCKS(double, 3)
LOWBIT_BLOCKS(int64_t, 1)
LOWBIT_BLOCKS(int64_t, 2)
LOWBIT_BLOCKS(uint64_t, 1)
LOWBIT_BLOCKS(uint64_t, 2)
#undef LOWBIT_BLOCKS

}  // namespace lowbit
