// dx = for every slice of x the sum of those of dy that were copied from it, 0 for one that nobody picked. Several of one slice are
// added in the order of the indices: threads share out the columns of the slices, never the slices.
#include <algorithm>

#include "../../core/axis.h"
#include "../../core/types.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "indices.h"
#include "move.h"

namespace lowbit {
namespace {

constexpr int64_t kLine = 16;  // columns that are not worth sharing out: a cache line of floats

// dx (outer, size, width) += dy (outer, slices, width): slice i is added to slice slices[i].
void addSlices(const View& dy, const View& dx, const std::vector<int64_t>& slices, int64_t outer, int64_t size, int64_t width) {
  const int64_t count = static_cast<int64_t>(slices.size()), lines = (width + kLine - 1) / kLine;
  fill(dx, 0);
  if (!dy.size()) return;
  asReal(dx.dtype, [&]<class T>(Type<T>) {
    parallel(outer * lines, kElementGrain / (count * kLine) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t line = begin; line < end;) {
        const int64_t row = line / lines, next = std::min(end, (row + 1) * lines);
        const int64_t column = (line - row * lines) * kLine, columns = std::min((next - row * lines) * kLine, width) - column;
        for (int64_t i = 0; i < count; i++) {
          const T* from = dy.as<T>() + (row * count + i) * width + column;
          T* to = dx.as<T>() + (row * size + slices[static_cast<size_t>(i)]) * width + column;
          for (int64_t j = 0; j < columns; j++) to[j] = static_cast<T>(static_cast<Computed<T>>(to[j]) + static_cast<Computed<T>>(from[j]));
        }
        line = next;
      }
    });
  });
}

}  // namespace

// dx[outer, k, inner] = Σ dy[outer, i, inner] over indices[i] = k
bool gatherGrad_reference(const gatherGrad_call& c) {
  const Axis axis = axisOf(c.dx, c.axis.integer());
  EXPECT(c.dy.size() == axis.outer * c.indices.size() * axis.inner);
  addSlices(c.dy, c.dx, checkedIndices(c.indices, c.dx, c.axis.integer()), axis.outer, axis.size, axis.inner);
  return true;
}

// The slices that tuples of indices lead to, as in gatherND.
bool gatherNDGrad_reference(const gatherNDGrad_call& c) {
  const int batchDims = static_cast<int>(c.batchDims.integer());
  const std::vector<int64_t> slices = checkedTuples(c.indices, c.dx, batchDims);
  const int64_t width = c.dx.count(batchDims + static_cast<int>(c.indices.dim(-1)), c.dx.rank);
  EXPECT(c.dy.size() == static_cast<int64_t>(slices.size()) * width);
  addSlices(c.dy, c.dx, slices, 1, 0, width);
  return true;
}

}  // namespace lowbit
