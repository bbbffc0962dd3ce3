// dx = for every slice of x the sum of those of dy that were copied from it, on the card.
#include "../../core/axis.h"
#include "../../op.h"
#include "indices.cuh"
#include "sliceSums.cuh"

namespace lowbit {
namespace {

struct Itself {
  template <class C> DEVICE C operator()(int64_t, C value) const { return value; }
};

bool addSlices(const View& dy, const View& dx, const Slices& slices, int64_t outer, int64_t size, int64_t width) {
  EXPECT(dy.size() == outer * slices.count() * width && dx.size() == outer * size * width);
  asReal(dx.dtype, [&]<class T>(Type<T>) {
    sumSlicesOnCard(SliceSums{outer, size, width, slices.count(), 1}, dy.as<T>(), dx.as<T>(), slices.data(), Itself());
  });
  return true;
}

}  // namespace

// dx[outer, k, inner] = Σ dy[outer, i, inner] over indices[i] = k
bool gatherGrad_cuda(const gatherGrad_call& c) {
  const Axis axis = axisOf(c.dx, c.axis.integer());
  return addSlices(c.dy, c.dx, Slices::along("gatherGrad", c.indices, c.dx, c.axis.integer()), axis.outer, axis.size, axis.inner);
}

// The slices that tuples of indices lead to, as in gatherND.
bool gatherNDGrad_cuda(const gatherNDGrad_call& c) {
  const int batchDims = static_cast<int>(c.batchDims.integer()), behind = batchDims + static_cast<int>(c.indices.dim(-1));
  return addSlices(c.dy, c.dx, Slices::ofTuples("gatherNDGrad", c.indices, c.dx, batchDims), 1, c.dx.count(0, behind),
                   c.dx.count(behind, c.dx.rank));
}

}  // namespace lowbit
