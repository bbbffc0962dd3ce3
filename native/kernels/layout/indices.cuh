// Indices on the card, checked before anything is read with them: one outside its tensor becomes 0 and leaves a note.
#pragma once
#include <stdio.h>

#include "../../cuda/launch.h"
#include "../../fault.h"

namespace lowbit {
namespace {

struct IndexRule {
  int axis, depth;          // the first axis that indices stand for, and how many: indices are tuples of as many
  bool negativeCounts;      // from the back; else it is outside
  int64_t perBatch;         // tuples that share the axes before
  int64_t sizes[kMaxRank];  // of those axes
  char op[sizeof IndexNote::op];
};

DEVICE int64_t checkedIndex(const IndexRule& rule, int d, int64_t index, int64_t position, IndexNote* note) {
  const int64_t size = rule.sizes[d];
  if (index < size && index >= (rule.negativeCounts ? -size : 0)) return index < 0 ? index + size : index;
  if (atomicCAS(&note->written, 0u, 1u) == 0) {
    note->axis = rule.axis + d;
    note->index = index;
    note->position = position;
    note->size = size;
    for (int i = 0; i < static_cast<int>(sizeof rule.op); i++) note->op[i] = rule.op[i];
  }
  return 0;
}

// slices[i] = the slice of x that tuple i leads to
template <class I>
__global__ void resolveTuples(IndexRule rule, const I* __restrict__ indices, int64_t* __restrict__ slices, int64_t count, IndexNote* note) {
  FOR_EACH(i, count) {
    int64_t at = i / rule.perBatch;
    for (int d = 0; d < rule.depth; d++)
      at = at * rule.sizes[d] + checkedIndex(rule, d, static_cast<int64_t>(indices[i * rule.depth + d]), i * rule.depth + d, note);
    slices[i] = at;
  }
}

// The slices that the indices of a call lead to, on the card.
class Slices {
 public:
  // Each index stands for itself along one axis of x.
  static Slices along(const char* op, const View& indices, const View& x, int64_t axis, bool negativeCounts = true) {
    const int at = static_cast<int>(axis < 0 ? axis + x.rank : axis);
    EXPECT(at >= 0 && at < x.rank);
    const int64_t count = indices.size();
    return Slices(IndexRule{at, 1, negativeCounts, count > 0 ? count : 1, {}, {}}, op, indices, x, count);
  }
  // The last axis of indices holds tuples, behind batchDims leading axes that both share.
  static Slices ofTuples(const char* op, const View& indices, const View& x, int batchDims) {
    const int last = indices.rank - 1, depth = static_cast<int>(indices.shape[last]);
    EXPECT(batchDims >= 0 && batchDims <= last && batchDims + depth <= x.rank);
    const int64_t perBatch = indices.count(batchDims, last);
    return Slices(IndexRule{batchDims, depth, true, perBatch > 0 ? perBatch : 1, {}, {}}, op, indices, x, indices.count(0, last));
  }

  const int64_t* data() const { return memory_.as<int64_t>(); }
  int64_t count() const { return count_; }

 private:
  Slices(IndexRule rule, const char* op, const View& indices, const View& x, int64_t count)
      : memory_(static_cast<size_t>(count) * sizeof(int64_t)), count_(count) {
    snprintf(rule.op, sizeof rule.op, "%s", op);
    for (int d = 0; d < rule.depth; d++) rule.sizes[d] = x.shape[rule.axis + d];
    for (int d = 0; d < rule.depth && count; d++)
      if (!rule.sizes[d])
        throw Fault("data", std::string(op) + ": an index is outside axis " + std::to_string(rule.axis + d) + ", which has 0 elements");
    EXPECT(indices.dtype == Dtype::int32 || indices.dtype == Dtype::int64);
    if (!count) return;
    IndexNote* const note = indexNote();
    if (indices.dtype == Dtype::int32)
      run(resolveTuples<int32_t>, launchOver(count), rule, indices.as<int32_t>(), memory_.as<int64_t>(), count, note);
    else run(resolveTuples<int64_t>, launchOver(count), rule, indices.as<int64_t>(), memory_.as<int64_t>(), count, note);
  }

  CardScratch memory_;
  int64_t count_;
};

}  // namespace
}  // namespace lowbit
