// What a reduction reads for each of its results. The innermost kept dimensions are the columns of a block; the other kept ones lead to
// it, the reduced ones are walked inside.
#pragma once
#include "../../core/strided.h"

namespace lowbit {

// Which dimensions of x disappear.
struct Axes {
  bool reduces[kMaxRank] = {};
  bool operator[](int d) const { return reduces[d]; }
};

inline Axes axesOf(const View& x, const Param& list) {
  Axes axes;
  for (int i = 0; i < list.count; i++) {
    const int64_t axis = list[i] < 0 ? list[i] + x.rank : list[i];
    EXPECT(axis >= 0 && axis < x.rank);
    axes.reduces[axis] = true;
  }
  return axes;
}

// Those that broadcasting y to the shape of x repeated.
inline Axes axesOf(const View& x, const View& y) {
  Axes axes;
  EXPECT(y.rank <= x.rank);
  for (int d = 1; d <= x.rank; d++) {
    axes.reduces[x.rank - d] = d > y.rank || y.dim(-d) != x.dim(-d);
    EXPECT(d > y.rank || y.dim(-d) == x.dim(-d) || y.dim(-d) == 1);
  }
  return axes;
}

struct Reduction {
  Strided<1> kept, reduced;
  int64_t outer = 1, width = 1, count = 1;  // kept elements before the columns, columns, elements behind a result

  Reduction(const View& x, const Axes& reduces) {
    int columns = x.rank;  // the first of the dimensions that make up the columns; reduced ones of a single element are among them
    while (columns > 0 && (!reduces[columns - 1] || x.shape[columns - 1] == 1)) columns--;
    width = x.count(columns, x.rank);
    for (int d = 0; d < columns; d++) {
      const int64_t stride = x.count(d + 1, x.rank);
      (reduces[d] ? reduced : kept).push(x.shape[d], {stride});
      (reduces[d] ? count : outer) *= x.shape[d];
    }
  }

  // Where the elements behind results [row·width, (row + 1)·width) start.
  INLINE int64_t start(int64_t row) const {
    if (kept.rank == 1) return row * kept.step(0);
    int64_t first = 0;
    kept.walk(row, row + 1, [&](int64_t, const int64_t* at, int64_t) { first = at[0]; });
    return first;
  }

  // body(at, n) for runs of the elements [begin, end) behind a result: they lie at `at`, at + step, ... after its start, n of them.
  template <class F> INLINE void eachRun(int64_t begin, int64_t end, F&& body) const {
    if (reduced.rank == 1) return body(begin * step(), end - begin);
    reduced.walk(begin, end, [&](int64_t, const int64_t* at, int64_t n) { body(at[0], n); });
  }
  // Whether every result is behind neighbours, and those of the next result follow at a fixed distance.
  bool isRuns() const { return kept.rank == 1 && reduced.rank == 1 && (step() == 1 || count == 1); }
  INLINE int64_t step() const { return reduced.step(0); }
};

}  // namespace lowbit
