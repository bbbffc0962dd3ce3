// Indices of a gather: checked before anything is read with them.
#pragma once
#include <vector>

#include "../../core/view.h"

namespace lowbit {

// The elements of an int32 or int64 tensor.
std::vector<int64_t> integersOf(const View& indices);

// The index counted from the front; throws std::out_of_range unless -size <= index < size.
int64_t checkedIndex(int64_t index, int64_t position, int64_t size, int axis);

// All of integersOf, checked against one axis of x. Where negative ones do not count from the back they are out of range.
std::vector<int64_t> checkedIndices(const View& indices, const View& x, int64_t axis, bool negativeCounts = true);

// The slices of x that tuples of indices lead to: the last axis of indices, behind batchDims leading axes that both share.
std::vector<int64_t> checkedTuples(const View& indices, const View& x, int batchDims);

}  // namespace lowbit
