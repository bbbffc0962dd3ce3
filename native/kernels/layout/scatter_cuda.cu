// Updates at given indices on the card. Those of one place follow each other in the order of the indices: a thread has an element of y and
// looks through all places for it, so that nothing is written twice. Places times updates are the limit.
#include "../../core/axis.h"
#include "../../core/wrap.h"
#include "../../cuda/elements.cuh"
#include "../../op.h"
#include "indices.cuh"

namespace lowbit {
namespace {

enum class Reduction : int64_t { none, add, mul, max, min };

struct Replaced {
  template <class T> DEVICE T operator()(T, T b) const { return b; }
};
struct Sum {
  template <class T> DEVICE T operator()(T a, T b) const {
    return wrapping(a, b, [](auto p, auto q) { return p + q; });
  }
};
struct Product {
  template <class T> DEVICE T operator()(T a, T b) const {
    return wrapping(a, b, [](auto p, auto q) { return p * q; });
  }
};
// NaN stays NaN.
struct Larger {
  template <class T> DEVICE T operator()(T a, T b) const { return a > b || a != a ? a : b; }
};
struct Smaller {
  template <class T> DEVICE T operator()(T a, T b) const { return a < b || a != a ? a : b; }
};

// y[place, j] = f(x[place, j], updates[i, j]) for all i whose place it is, one after the other, j < width
template <class F, class T>
__global__ void joinUpdates(F f, const T* __restrict__ x, const T* __restrict__ updates, T* __restrict__ y,
                            const int64_t* __restrict__ places, int64_t size, int64_t count, int64_t width) {
  FOR_EACH(at, size) {
    const int64_t place = at / width;
    const T* const column = updates + (at - place * width);
    T joined = x[at];
#pragma unroll 4
    for (int64_t i = 0; i < count; i++)
      if (places[i] == place) joined = static_cast<T>(f(static_cast<Computed<T>>(joined), static_cast<Computed<T>>(column[i * width])));
    y[at] = joined;
  }
}

template <class F, class T>
void joinOnCard(Type<T>, F f, const View& x, const View& updates, const View& y, const int64_t* places, int64_t count, int64_t width) {
  run(joinUpdates<F, T>, launchOver(y.size()), f, x.as<T>(), updates.as<T>(), y.as<T>(), places, y.size(), count, width);
}

bool join(const View& x, const View& updates, const View& y, const int64_t* places, int64_t count, int64_t width, Reduction reduction) {
  EXPECT(x.size() == y.size() && updates.size() == count * width);
  if (!y.size()) return true;
  const auto with = [&](auto f) { asNumber(y.dtype, [&](auto type) { joinOnCard(type, f, x, updates, y, places, count, width); }); };
  switch (reduction) {
    case Reduction::none: asBits(y.dtype, [&](auto type) { joinOnCard(type, Replaced(), x, updates, y, places, count, width); }); break;
    case Reduction::add: with(Sum()); break;
    case Reduction::mul: with(Product()); break;
    case Reduction::max: with(Larger()); break;
    case Reduction::min: with(Smaller()); break;
  }
  return true;
}

// places[i] = where i is in x with its index along one axis replaced by slices[i]; the plan leaves that axis out.
__global__ void placeElements(const int64_t* __restrict__ slices, int64_t* __restrict__ places, int64_t count, Strided<1> plan,
                              int64_t inner) {
  FOR_EACH(i, count) places[i] = Places<1>(plan, i).at[0] + slices[i] * inner;
}

}  // namespace

// y[i..., with the index along the axis replaced by indices[i, ...]] = updates[i, ...]
bool scatterElements_cuda(const scatterElements_call& c) {
  const Axis axis = axisOf(c.x, c.axis.integer());
  const int replaced = static_cast<int>(c.axis.integer() < 0 ? c.axis.integer() + c.x.rank : c.axis.integer());
  const int64_t count = c.indices.size();
  if (count > kMostPlaces) return false;
  Strided<1> plan;
  for (int d = 0; d < c.x.rank; d++) {
    EXPECT(d == replaced || c.indices.shape[d] <= c.x.shape[d]);
    plan.push(c.indices.shape[d], {d == replaced ? 0 : c.x.count(d + 1, c.x.rank)});
  }
  const Slices slices = Slices::along("scatterElements", c.indices, c.x, c.axis.integer());
  const CardScratch places(static_cast<size_t>(count) * sizeof(int64_t));
  if (count) run(placeElements, launchOver(count), slices.data(), places.as<int64_t>(), count, plan, axis.inner);
  return join(c.x, c.updates, c.y, places.as<int64_t>(), count, 1, static_cast<Reduction>(c.reduction.integer()));
}

// The last axis of indices holds tuples that lead into x; updates has a slice for each tuple.
bool scatterND_cuda(const scatterND_call& c) {
  const Slices slices = Slices::ofTuples("scatterND", c.indices, c.x, 0);
  const int64_t width = c.x.count(static_cast<int>(c.indices.dim(-1)), c.x.rank);
  return join(c.x, c.updates, c.y, slices.data(), slices.count(), width, static_cast<Reduction>(c.reduction.integer()));
}

}  // namespace lowbit
