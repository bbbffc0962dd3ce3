// y[i...] = x[i permuted]: axis d of y is axis perm[d] of x.
//
// Where the innermost axis of y is not that of x, one of both would be read or written a cache line per element. The two axes are then
// walked in square tiles: a tile of x fits the cache, so each of its lines is used whole.
#include <algorithm>

#include "../../cpu/pool.h"
#include "../../op.h"
#include "move.h"

namespace lowbit {
namespace {

constexpr int64_t kTile = 32;

// Rows are the axis of y that is contiguous in x, columns the innermost axis of y; the others lead to one such matrix.
template <class T> void transposeTiled(const View& x, const Strided<1>& plan, int rowAxis, const View& y) {
  const int last = plan.rank - 1;
  const int64_t rows = plan.shape[rowAxis], columns = plan.shape[last], step = plan.step(0);
  int64_t strides[Strided<1>::kMost];  // of y
  strides[last] = 1;
  for (int d = last - 1; d >= 0; d--) strides[d] = strides[d + 1] * plan.shape[d + 1];
  Strided<2> outer;
  for (int d = 0; d < last; d++)
    if (d != rowAxis) outer.push(plan.shape[d], {plan.strides[0][d], strides[d]});
  const int64_t rowStep = strides[rowAxis], matrices = y.size() / (rows * columns);
  const int64_t bands = (rows + kTile - 1) / kTile;
  parallel(matrices * bands, kElementGrain / (kTile * columns + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      outer.walk(i / bands, i / bands + 1, [&](int64_t, const int64_t* at, int64_t) {
        const T* __restrict from = x.as<T>() + at[0];
        T* __restrict to = y.as<T>() + at[1];
        const int64_t row0 = i % bands * kTile, row1 = std::min(row0 + kTile, rows);
        for (int64_t column0 = 0; column0 < columns; column0 += kTile) {
          const int64_t column1 = std::min(column0 + kTile, columns);
          for (int64_t r = row0; r < row1; r++)
            for (int64_t k = column0; k < column1; k++) to[r * rowStep + k] = from[r + k * step];
        }
      });
    }
  });
}

}  // namespace

bool transpose_reference(const transpose_call& c) {
  EXPECT(c.perm.count == c.x.rank && c.y.rank == c.x.rank);
  Strided<1> plan;
  for (int d = 0; d < c.y.rank; d++) {
    const int axis = static_cast<int>(c.perm[d]);
    EXPECT(axis >= 0 && axis < c.x.rank && c.y.shape[d] == c.x.shape[axis]);
    plan.push(c.y.shape[d], {c.x.count(axis + 1, c.x.rank)});
  }
  int rowAxis = plan.rank - 1;
  while (rowAxis >= 0 && plan.strides[0][rowAxis] != 1) rowAxis--;
  if (!c.y.size()) return true;
  if (rowAxis == plan.rank - 1 || rowAxis < 0) move(c.x, 0, plan, c.y);
  else asBits(c.y.dtype, [&]<class T>(Type<T>) { transposeTiled<T>(c.x, plan, rowAxis, c.y); });
  return true;
}

}  // namespace lowbit
