// A walk over a dense output while N operands advance by strides of their own: y[i, j, ...] reads operand k at Σ index·stride.
// Broadcasting is a stride of 0, a transpose permutes strides, a slice backwards has a negative one.
#pragma once
#include "check.h"
#include "view.h"

namespace lowbit {

template <int N> struct Strided {
  static constexpr int kMost = 2 * kMaxRank;
  int rank = 1;
  int64_t shape[kMost] = {1};
  int64_t strides[N][kMost] = {};

  // The next inner dimension. Neighbours that every operand walks as one are merged, so that the last dimension is as long as can be.
  void push(int64_t dim, const int64_t (&steps)[N]) {
    if (dim == 1) return;
    bool merges = true, first = rank == 1 && shape[0] == 1;
    for (int k = 0; k < N; k++) merges &= strides[k][rank - 1] == dim * steps[k];
    if (!merges && !first) rank++;
    const int last = rank - 1;
    shape[last] = merges || first ? shape[last] * dim : dim;
    for (int k = 0; k < N; k++) strides[k][last] = steps[k];
  }

  INLINE int64_t step(int operand) const { return strides[operand][rank - 1]; }

  // Calls body(i, at, count) for runs of output elements [i, i + count) that cover [begin, end); operand k is read at
  // at[k], at[k] + step(k), ...
  template <class F> INLINE void walk(int64_t begin, int64_t end, F&& body) const {
    const int last = rank - 1;
    int64_t index[kMost], at[N] = {}, rest = begin;
    if (begin >= end) return;
    for (int d = last; d >= 0; d--) {
      index[d] = rest % shape[d];
      rest /= shape[d];
      for (int k = 0; k < N; k++) at[k] += index[d] * strides[k][d];
    }
    for (int64_t i = begin; i < end;) {
      const int64_t left = shape[last] - index[last], count = left < end - i ? left : end - i;
      body(i, at, count);
      i += count;
      for (int k = 0; k < N; k++) at[k] -= index[last] * strides[k][last];
      index[last] = 0;
      for (int d = last - 1; d >= 0; d--) {
        for (int k = 0; k < N; k++) at[k] += strides[k][d];
        if (++index[d] < shape[d]) break;
        for (int k = 0; k < N; k++) at[k] -= shape[d] * strides[k][d];
        index[d] = 0;
      }
    }
  }
};

// Operands broadcast to y as in numpy: shapes are aligned at the back, a dimension of 1 repeats.
template <class... Views> Strided<sizeof...(Views)> broadcast(const View& y, const Views&... operands) {
  constexpr int N = sizeof...(Views);
  const View* const list[N] = {&operands...};
  int64_t steps[kMaxRank + 1][N] = {};
  for (int k = 0; k < N; k++) {
    EXPECT(list[k]->rank <= y.rank);
    int64_t step = 1;
    for (int i = list[k]->rank - 1, d = y.rank - 1; i >= 0; i--, d--) {
      EXPECT(list[k]->shape[i] == 1 || list[k]->shape[i] == y.shape[d]);
      steps[d][k] = list[k]->shape[i] == 1 ? 0 : step;
      step *= list[k]->shape[i];
    }
  }
  Strided<N> out;
  for (int d = 0; d < y.rank; d++) out.push(y.shape[d], steps[d]);
  return out;
}

}  // namespace lowbit
