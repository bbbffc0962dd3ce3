#include "indices.h"

#include <stdexcept>
#include <string>

#include "../../core/check.h"

namespace lowbit {
namespace {

[[noreturn]] void outside(int64_t index, int64_t position, int64_t size, int axis) {
  throw std::out_of_range("index " + std::to_string(index) + " at position " + std::to_string(position) + " is outside axis " +
                          std::to_string(axis) + ", which has " + std::to_string(size) + " elements");
}

}  // namespace

std::vector<int64_t> integersOf(const View& indices) {
  EXPECT(indices.dtype == Dtype::int32 || indices.dtype == Dtype::int64);
  const size_t count = static_cast<size_t>(indices.size());
  if (indices.dtype == Dtype::int32) return {indices.as<int32_t>(), indices.as<int32_t>() + count};
  return {indices.as<int64_t>(), indices.as<int64_t>() + count};
}

int64_t checkedIndex(int64_t index, int64_t position, int64_t size, int axis) {
  if (index < -size || index >= size) outside(index, position, size, axis);
  return index < 0 ? index + size : index;
}

std::vector<int64_t> checkedIndices(const View& indices, const View& x, int64_t axis, bool negativeCounts) {
  const int from = static_cast<int>(axis < 0 ? axis + x.rank : axis);
  EXPECT(from >= 0 && from < x.rank);
  std::vector<int64_t> out = integersOf(indices);
  for (size_t i = 0; i < out.size(); i++) {
    const int64_t position = static_cast<int64_t>(i);
    if (out[i] < 0 && !negativeCounts) outside(out[i], position, x.shape[from], from);
    out[i] = checkedIndex(out[i], position, x.shape[from], from);
  }
  return out;
}

std::vector<int64_t> checkedTuples(const View& indices, const View& x, int batchDims) {
  const int last = indices.rank - 1, depth = static_cast<int>(indices.shape[last]);
  EXPECT(batchDims >= 0 && batchDims <= last && batchDims + depth <= x.rank);
  const int64_t tuples = indices.count(0, last), perBatch = indices.count(batchDims, last);
  const std::vector<int64_t> numbers = integersOf(indices);
  std::vector<int64_t> slices(static_cast<size_t>(tuples));
  for (int64_t i = 0; i < tuples; i++) {
    int64_t at = i / perBatch;
    for (int d = 0; d < depth; d++) {
      const int64_t position = i * depth + d, size = x.shape[batchDims + d];
      at = at * size + checkedIndex(numbers[static_cast<size_t>(position)], position, size, batchDims + d);
    }
    slices[static_cast<size_t>(i)] = at;
  }
  return slices;
}

}  // namespace lowbit
