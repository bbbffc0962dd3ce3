// Elements and slices picked by indices on the card, moved as the largest words that fit a slice.
#include "../../core/axis.h"
#include "../../cuda/elements.cuh"
#include "../../op.h"
#include "indices.cuh"
#include "move.cuh"

namespace lowbit {
namespace {

// y (outer, count, width) = x (outer, size, width) at the slices
template <class Word>
__global__ void copySlices(const Word* __restrict__ x, Word* __restrict__ y, const int64_t* __restrict__ slices, int64_t words,
                           int64_t count, int64_t size, int64_t width) {
  FOR_EACH(i, words) {
    const int64_t row = i / width, outer = row / count;
    y[i] = x[(outer * size + slices[row - outer * count]) * width + i - row * width];
  }
}

void copySlicesOf(const View& x, const View& y, const Slices& slices, int64_t size, int64_t width) {
  const int64_t bytes = width * elementBytes(x.dtype);
  if (!y.size()) return;
  asWords(static_cast<uint64_t>(bytes) | addressOf(x.data) | addressOf(y.data), [&]<class Word>(Type<Word>) {
    const int64_t wordsOfSlice = bytes / static_cast<int64_t>(sizeof(Word)), words = y.size() / width * wordsOfSlice;
    run(copySlices<Word>, launchOver(words), x.as<Word>(), y.as<Word>(), slices.data(), words, slices.count(), size, wordsOfSlice);
  });
}

// y[i] = x at i's place with the index along one axis replaced; the plan leaves that axis out.
template <class T>
__global__ void copyElements(const T* __restrict__ x, T* __restrict__ y, const int64_t* __restrict__ slices, int64_t count, Strided<1> plan,
                             int64_t inner) {
  FOR_EACH(i, count) y[i] = x[Places<1>(plan, i).at[0] + slices[i] * inner];
}

}  // namespace

// y[outer, i, inner] = x[outer, indices[i], inner]
bool gather_cuda(const gather_call& c) {
  const Axis axis = axisOf(c.x, c.axis.integer());
  EXPECT(c.y.size() == axis.outer * c.indices.size() * axis.inner);
  copySlicesOf(c.x, c.y, Slices::along("gather", c.indices, c.x, c.axis.integer()), axis.size, axis.inner);
  return true;
}

// The last axis of indices holds tuples that lead into x behind batchDims shared axes; y has a slice of x for each tuple.
bool gatherND_cuda(const gatherND_call& c) {
  const int batchDims = static_cast<int>(c.batchDims.integer());
  const Slices slices = Slices::ofTuples("gatherND", c.indices, c.x, batchDims);
  const int64_t width = c.x.count(batchDims + static_cast<int>(c.indices.dim(-1)), c.x.rank);
  EXPECT(c.y.size() == slices.count() * width);
  copySlicesOf(c.x, c.y, slices, 0, width);
  return true;
}

// y[i, ...] = x[i..., with the index along the axis replaced by indices[i, ...]]
bool gatherElements_cuda(const gatherElements_call& c) {
  const Axis axis = axisOf(c.x, c.axis.integer());
  const int replaced = static_cast<int>(c.axis.integer() < 0 ? c.axis.integer() + c.x.rank : c.axis.integer());
  Strided<1> plan;
  for (int d = 0; d < c.x.rank; d++) {
    EXPECT(d == replaced || c.indices.shape[d] <= c.x.shape[d]);
    plan.push(c.indices.shape[d], {d == replaced ? 0 : c.x.count(d + 1, c.x.rank)});
  }
  if (c.y.size() > kMostPlaces) return false;
  const Slices slices = Slices::along("gatherElements", c.indices, c.x, c.axis.integer());
  const int64_t count = c.y.size();
  asBits(c.y.dtype, [&]<class T>(Type<T>) {
    if (count) run(copyElements<T>, launchOver(count), c.x.as<T>(), c.y.as<T>(), slices.data(), count, plan, axis.inner);
  });
  return true;
}

}  // namespace lowbit
