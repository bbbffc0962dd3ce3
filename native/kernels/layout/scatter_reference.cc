// y = x with elements or slices at given indices replaced by updates, or joined with them. Several updates of one place follow each
// other in the order of the indices, so one thread does it all. An index outside x is an exception.
#include <string.h>

#include <algorithm>

#include "../../core/axis.h"
#include "../../core/strided.h"
#include "../../core/wide.h"
#include "../../core/wrap.h"
#include "../../op.h"
#include "indices.h"

namespace lowbit {
namespace {

enum class Reduction : int64_t { none, add, mul, max, min };

void copy(const View& from, const View& to) {
  EXPECT(from.size() == to.size());
  if (to.size()) memcpy(to.data, from.data, static_cast<size_t>(to.size() * elementBytes(to.dtype)));
}

// y[place + j] = f(y[place + j], update[j]) for j < width, one place after the other.
template <class W, class F> void joinEach(const View& y, const View& updates, const std::vector<int64_t>& places, int64_t width, F f) {
  constexpr int64_t kBlock = 64;
  W before[kBlock], update[kBlock];
  int64_t from = 0;
  for (const int64_t place : places) {
    for (int64_t done = 0; done < width; done += kBlock) {
      const int64_t count = std::min(kBlock, width - done);
      widen(y, place + done, 1, count, before);
      widen(updates, from + done, 1, count, update);
      for (int64_t j = 0; j < count; j++) before[j] = f(before[j], update[j]);
      narrow(before, y, place + done, count);
    }
    from += width;
  }
}

void join(const View& y, const View& updates, const std::vector<int64_t>& places, int64_t width, Reduction reduction) {
  EXPECT(updates.size() == static_cast<int64_t>(places.size()) * width);
  if (reduction == Reduction::none) {
    const int64_t element = elementBytes(y.dtype), bytes = width * element;
    if (!bytes) return;
    const char* update = updates.as<char>();
    for (const int64_t place : places) {
      memcpy(y.as<char>() + place * element, update, static_cast<size_t>(bytes));
      update += bytes;
    }
    return;
  }
  asWide(y.dtype, [&]<class W>(Type<W>) {
    auto with = [&](auto f) { joinEach<W>(y, updates, places, width, f); };
    // NaN stays NaN, as in maximum and minimum.
    switch (reduction) {
      case Reduction::add: return with([](auto a, auto b) { return wrapping(a, b, [](auto p, auto q) { return p + q; }); });
      case Reduction::mul: return with([](auto a, auto b) { return wrapping(a, b, [](auto p, auto q) { return p * q; }); });
      case Reduction::max: return with([](auto a, auto b) { return a > b || a != a ? a : b; });
      case Reduction::min: return with([](auto a, auto b) { return a < b || a != a ? a : b; });
      default: EXPECT(!"a reduction");
    }
  });
}

}  // namespace

// y[i..., with the index along the axis replaced by indices[i, ...]] = updates[i, ...]
bool scatterElements_reference(const scatterElements_call& c) {
  const Axis axis = axisOf(c.x, c.axis.integer());
  const int replaced = static_cast<int>(c.axis.integer() < 0 ? c.axis.integer() + c.x.rank : c.axis.integer());
  std::vector<int64_t> places = checkedIndices(c.indices, c.x, c.axis.integer());
  Strided<1> plan;
  for (int d = 0; d < c.x.rank; d++) {
    EXPECT(d == replaced || c.indices.shape[d] <= c.x.shape[d]);
    plan.push(c.indices.shape[d], {d == replaced ? 0 : c.x.count(d + 1, c.x.rank)});
  }
  plan.walk(0, c.indices.size(), [&](int64_t i, const int64_t* at, int64_t count) {
    for (int64_t j = 0; j < count; j++) {
      int64_t& place = places[static_cast<size_t>(i + j)];
      place = at[0] + j * plan.step(0) + place * axis.inner;
    }
  });
  copy(c.x, c.y);
  join(c.y, c.updates, places, 1, static_cast<Reduction>(c.reduction.integer()));
  return true;
}

// The last axis of indices holds tuples that lead into x; updates has a slice for each tuple.
bool scatterND_reference(const scatterND_call& c) {
  std::vector<int64_t> places = checkedTuples(c.indices, c.x, 0);
  const int64_t width = c.x.count(static_cast<int>(c.indices.dim(-1)), c.x.rank);
  for (int64_t& place : places) place *= width;
  copy(c.x, c.y);
  join(c.y, c.updates, places, width, static_cast<Reduction>(c.reduction.integer()));
  return true;
}

}  // namespace lowbit
