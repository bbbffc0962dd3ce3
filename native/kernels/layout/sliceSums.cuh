// dx = for every slice of x the sum of those that were made of it, added in their order, on the card. A block has one slice: its threads
// look through the list of slices together, 256 at a time, and each adds its own columns.
#pragma once
#include "../../core/types.h"
#include "../../cuda/launch.h"

namespace lowbit {
namespace {

constexpr int kSumThreads = 256;

// Slices of dx (outer, size, width) from those of dy (outer, count / taps, width): term(i, dy) of entry i, whose slice of dy is i / taps,
// is added to slice slices[i].
struct SliceSums {
  unsigned outer, width;
  int64_t size, count, taps, rowStep;  // rowStep: of dy

  SliceSums(int64_t outer, int64_t size, int64_t width, int64_t count, int64_t taps)
      : outer(static_cast<unsigned>(outer)),
        width(static_cast<unsigned>(width)),
        size(size),
        count(count),
        taps(taps),
        rowStep(count / taps * width) {
    EXPECT(outer * width <= INT32_MAX);
  }
};

template <class T, class Term>
__global__ void __launch_bounds__(kSumThreads)
    sumSlices(SliceSums p, const T* __restrict__ dy, T* __restrict__ dx, const int64_t* __restrict__ slices, Term term) {
  SHARED(unsigned, found, [kSumThreads / 32]);
  using C = Computed<T>;
  const int thread = static_cast<int>(threadIdx.x);
  const unsigned width = p.width, columns = p.outer * width, first = blockIdx.y * kSumThreads + threadIdx.x, step = gridDim.y * kSumThreads;
  for (int64_t slice = blockIdx.x; slice < p.size; slice += gridDim.x) {
    const auto sumOf = [&](unsigned column) -> T& { return dx[(column / width * p.size + slice) * width + column % width]; };
    for (unsigned column = first; column < columns; column += step) sumOf(column) = static_cast<T>(C(0));
    for (int64_t start = 0; start < p.count; start += kSumThreads) {
      const unsigned votes = __ballot_sync(0xffffffffu, start + thread < p.count && slices[start + thread] == slice);
      __syncthreads();  // the votes before were read
      if (thread % 32 == 0) found[thread / 32] = votes;
      __syncthreads();
      for (int warp = 0; warp < kSumThreads / 32; warp++)
        for (unsigned left = found[warp]; left; left &= left - 1) {
          const int64_t i = start + warp * 32 + 31 - __clz(static_cast<int>(left & (0u - left)));
          const T* const from = dy + i / p.taps * width;
          for (unsigned column = first; column < columns; column += step) {
            const C value = static_cast<C>(from[column / width * p.rowStep + column % width]);
            T& sum = sumOf(column);
            sum = static_cast<T>(static_cast<C>(sum) + term(i, value));
          }
        }
    }
  }
}

template <class T, class Term> void sumSlicesOnCard(const SliceSums& p, const T* dy, T* dx, const int64_t* slices, Term term) {
  const unsigned columns = p.outer * p.width, blocks = (columns + kSumThreads - 1) / kSumThreads;
  if (!columns || !p.size) return;
  const dim3 grid(static_cast<unsigned>(p.size < 65536 ? p.size : 65536), blocks < 256 ? blocks : 256);
  run(sumSlices<T, Term>, {grid, dim3(kSumThreads)}, p, dy, dx, slices, term);
}

}  // namespace
}  // namespace lowbit
