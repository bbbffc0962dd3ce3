// y = x where column - row >= k (upper) or column - row <= k (lower), else 0, on the card; the matrices are the last two axes.
#include <algorithm>

#include "../../op.h"
#include "move.cuh"

namespace lowbit {
namespace {

template <class T>
__global__ void keepTriangle(const T* __restrict__ x, T* __restrict__ y, int64_t count, int64_t rows, int64_t columns, int64_t k,
                             bool upper) {
  FOR_EACH(i, count) {
    const int64_t row = i / columns, diagonal = i - row * columns - row % rows;
    y[i] = (upper ? diagonal >= k : diagonal <= k) ? x[i] : T{};
  }
}

}  // namespace

bool trilu_cuda(const trilu_call& c) {
  EXPECT(c.x.rank >= 2);
  const int64_t rows = c.x.dim(-2), columns = c.x.dim(-1);
  // Beyond the matrix all k are alike.
  const double k = std::clamp<double>(c.k, -static_cast<double>(rows) - 1, static_cast<double>(columns) + 1);
  if (!c.x.size()) return true;
  asWords(static_cast<uint64_t>(elementBytes(c.x.dtype)), [&]<class T>(Type<T>) {
    run(keepTriangle<T>, launchOver(c.x.size()), c.x.as<T>(), c.y.as<T>(), c.x.size(), rows, columns, static_cast<int64_t>(k),
        c.upper != 0);
  });
  return true;
}

}  // namespace lowbit
