// y[i...] = x[i permuted] on the card. Where the innermost axis of y is not that of x, the two are walked in square tiles: a block reads
// lines of x into shared memory and writes lines of y from it, the tile a word wider so that neither hits one bank twice.
#include "../../cuda/elements.cuh"
#include "../../op.h"
#include "move.cuh"

namespace lowbit {
namespace {

constexpr int kThreads = 256, kFewest = 8;

// Lines of bytes are short: tiles of small elements are larger.
template <class T> constexpr int kTile = sizeof(T) < 4 ? 64 : 32;
template <class T> constexpr int kWider = sizeof(T) < 4 ? 4 / sizeof(T) : 1;

// Rows are the axis of y that is contiguous in x, columns the innermost axis of y; `outer` leads to one such matrix of y and x.
struct Matrices {
  int64_t rows, columns, rowStep, columnStep;  // rowStep in y, columnStep in x
  int64_t across, perMatrix, count;            // tiles along the columns, tiles of a matrix, all
  Strided<2> outer;
};

template <class T> __global__ void __launch_bounds__(kThreads) transposeTiles(Matrices m, const T* __restrict__ x, T* __restrict__ y) {
  constexpr int kEdge = kTile<T>, kLines = kThreads / kEdge;
  SHARED(T, tile, [kEdge][kEdge + kWider<T>]);
  const int at = static_cast<int>(threadIdx.x) % kEdge, line = static_cast<int>(threadIdx.x) / kEdge;
  for (int64_t i = blockIdx.x; i < m.count; i += gridDim.x) {
    const Places<2> places(m.outer, i / m.perMatrix);
    const int64_t inMatrix = i % m.perMatrix, row0 = inMatrix / m.across * kEdge, column0 = inMatrix % m.across * kEdge;
    T* const to = y + places.at[0];
    const T* const from = x + places.at[1];
    __syncthreads();
    for (int c = line; c < kEdge; c += kLines)
      if (row0 + at < m.rows && column0 + c < m.columns) tile[c][at] = from[row0 + at + (column0 + c) * m.columnStep];
    __syncthreads();
    for (int r = line; r < kEdge; r += kLines)
      if (row0 + r < m.rows && column0 + at < m.columns) to[(row0 + r) * m.rowStep + column0 + at] = tile[at][r];
  }
}

}  // namespace

bool transpose_cuda(const transpose_call& c) {
  EXPECT(c.perm.count == c.x.rank && c.y.rank == c.x.rank);
  if (!c.y.size()) return true;
  Strided<2> plan;  // of y and x
  for (int d = 0; d < c.y.rank; d++) {
    const int axis = static_cast<int>(c.perm[d]);
    EXPECT(axis >= 0 && axis < c.x.rank && c.y.shape[d] == c.x.shape[axis]);
    plan.push(c.y.shape[d], {c.y.count(d + 1, c.y.rank), c.x.count(axis + 1, c.x.rank)});
  }
  const int last = plan.rank - 1;
  int rowAxis = last;
  while (rowAxis >= 0 && plan.strides[1][rowAxis] != 1) rowAxis--;
  const int64_t bytes = elementBytes(c.y.dtype);
  if (rowAxis == last || rowAxis < 0 || plan.shape[rowAxis] < kFewest || plan.shape[last] < kFewest) {
    moveAlong(plan, bytes, c.y.data, c.x.data);  // few lines stay in the cache until all of each is read
    return true;
  }
  Matrices m{plan.shape[rowAxis], plan.shape[last], plan.strides[0][rowAxis], plan.strides[1][last], 0, 0, 0, {}};
  for (int d = 0; d < last; d++)
    if (d != rowAxis) m.outer.push(plan.shape[d], {plan.strides[0][d], plan.strides[1][d]});
  asWords(static_cast<uint64_t>(bytes), [&]<class T>(Type<T>) {
    m.across = (m.columns + kTile<T> - 1) / kTile<T>;
    m.perMatrix = m.across * ((m.rows + kTile<T> - 1) / kTile<T>);
    m.count = c.y.size() / (m.rows * m.columns) * m.perMatrix;
    run(transposeTiles<T>, {launchOver(m.count, 1).grid, dim3(kThreads)}, m, c.x.as<T>(), c.y.as<T>());
  });
  return true;
}

}  // namespace lowbit
