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
  const std::vector<int64_t> slices = checkedTuples(c.indices, c.x, batchDims);
  const int64_t tuples = static_cast<int64_t>(slices.size());
  const int64_t width = c.x.count(batchDims + static_cast<int>(c.indices.dim(-1)), c.x.rank);
  EXPECT(c.y.size() == tuples * width);
  copySlices(c.x, c.y, tuples, width * elementBytes(c.x.dtype), [&](int64_t i) { return slices[static_cast<size_t>(i)]; });
  return true;
}

}  // namespace lowbit
