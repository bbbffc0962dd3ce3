// Elements and slices picked by indices, which may be negative to count from the back. An index outside x is an exception.
#include <string.h>

#include "../../core/axis.h"
#include "../../core/strided.h"
#include "../../core/types.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "indices.h"

namespace lowbit {
namespace {

// Copies slices of `bytes` bytes: slice i of y is the one of x that starts at slice at(i).
template <class At> void copySlices(const View& x, const View& y, int64_t slices, int64_t bytes, At at) {
  parallel(slices, kElementGrain / (bytes + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) memcpy(y.as<char>() + i * bytes, x.as<char>() + at(i) * bytes, static_cast<size_t>(bytes));
  });
}

}  // namespace

// y[outer, i, inner] = x[outer, indices[i], inner]
bool gather_reference(const gather_call& c) {
  const Axis axis = axisOf(c.x, c.axis.integer());
  const std::vector<int64_t> indices = checkedIndices(c.indices, c.x, c.axis.integer());
  const int64_t count = c.indices.size();
  EXPECT(c.y.size() == axis.outer * count * axis.inner);
  if (!c.y.size()) return true;
  copySlices(c.x, c.y, axis.outer * count, axis.inner * elementBytes(c.x.dtype),
             [&](int64_t i) { return i / count * axis.size + indices[static_cast<size_t>(i % count)]; });
  return true;
}

// y[i, ...] = x[i..., with the index along the axis replaced by indices[i, ...]]
bool gatherElements_reference(const gatherElements_call& c) {
  const Axis axis = axisOf(c.x, c.axis.integer());
  const int replaced = static_cast<int>(c.axis.integer() < 0 ? c.axis.integer() + c.x.rank : c.axis.integer());
  const std::vector<int64_t> indices = checkedIndices(c.indices, c.x, c.axis.integer());
  Strided<1> plan;
  for (int d = 0; d < c.x.rank; d++) {
    EXPECT(d == replaced || c.indices.shape[d] <= c.x.shape[d]);
    plan.push(c.indices.shape[d], {d == replaced ? 0 : c.x.count(d + 1, c.x.rank)});
  }
  const int64_t step = plan.step(0);
  asBits(c.y.dtype, [&]<class T>(Type<T>) {
    parallel(c.y.size(), kElementGrain, [&](int64_t begin, int64_t end) {
      plan.walk(begin, end, [&](int64_t i, const int64_t* at, int64_t count) {
        const T* from = c.x.as<T>() + at[0];
        for (int64_t j = 0; j < count; j++) c.y.as<T>()[i + j] = from[j * step + indices[static_cast<size_t>(i + j)] * axis.inner];
      });
    });
  });
  return true;
}

// The last axis of indices holds tuples that lead into x behind batchDims shared axes; y has a slice of x for each tuple.
bool gatherND_reference(const gatherND_call& c) {
  const int batchDims = static_cast<int>(c.batchDims.integer());
  const int last = c.indices.rank - 1, depth = static_cast<int>(c.indices.shape[last]), behind = batchDims + depth;
  EXPECT(batchDims >= 0 && batchDims <= last && behind <= c.x.rank);
  const int64_t tuples = c.indices.count(0, last), perBatch = c.indices.count(batchDims, last);
  const std::vector<int64_t> indices = integersOf(c.indices);
  std::vector<int64_t> slices(static_cast<size_t>(tuples));
  for (int64_t i = 0; i < tuples; i++) {
    int64_t at = i / perBatch;
    for (int d = 0; d < depth; d++) {
      const int64_t position = i * depth + d, size = c.x.shape[batchDims + d];
      at = at * size + checkedIndex(indices[static_cast<size_t>(position)], position, size, batchDims + d);
    }
    slices[static_cast<size_t>(i)] = at;
  }
  const int64_t width = c.x.count(behind, c.x.rank);
  EXPECT(c.y.size() == tuples * width);
  copySlices(c.x, c.y, tuples, width * elementBytes(c.x.dtype), [&](int64_t i) { return slices[static_cast<size_t>(i)]; });
  return true;
}

}  // namespace lowbit
