// The reductions of reduce.h: sums, products, extremes.
#include <limits>

#include "../../core/wrap.h"
#include "../../op.h"
#include "reduce.h"
#include "sums.h"

namespace lowbit {
namespace {

// Where a maximum starts: -infinity, or the least integer of the type.
template <class W> W least(Dtype dtype) {
  W start{};
  asNumber(dtype, [&]<class T>(Type<T>) {
    using Limits = std::numeric_limits<Computed<T>>;
    start = static_cast<W>(Limits::has_infinity ? -Limits::infinity() : Limits::min());
  });
  return start;
}
template <class W> W greatest(Dtype dtype) {
  W start{};
  asNumber(dtype, [&]<class T>(Type<T>) {
    using Limits = std::numeric_limits<Computed<T>>;
    start = static_cast<W>(Limits::has_infinity ? Limits::infinity() : Limits::max());
  });
  return start;
}

constexpr auto plus = []<class S>(S a, S b) { return wrapping(a, b, [](auto p, auto q) { return p + q; }); };
constexpr auto times = []<class S>(S a, S b) { return wrapping(a, b, [](auto p, auto q) { return p * q; }); };
// NaN stays: no comparison with it holds, and x != x lets it in.
constexpr auto larger = [](auto most, auto x) { return x > most || x != x ? x : most; };
constexpr auto smallest = [](auto most, auto x) { return x < most || x != x ? x : most; };

bool sum(const View& x, const View& y, const Axes& axes, bool mean) {
  if (x.dtype == Dtype::float32) reduce(x, y, axes, plainLoops<plus, float>(0.0), mean);
  else asWide(x.dtype, [&]<class W>(Type<W>) { reduce(x, y, axes, plainLoops<plus, W>(W{0}), mean); });
  return true;
}

}  // namespace

bool reduceSum_reference(const reduceSum_call& c) { return sum(c.x, c.y, axesOf(c.x, c.axes), false); }
bool sumTo_reference(const sumTo_call& c) { return sum(c.x, c.y, axesOf(c.x, c.y), false); }
// Of integers, toward zero; the mean of no integers is 0, that of no real numbers NaN.
bool reduceMean_reference(const reduceMean_call& c) { return sum(c.x, c.y, axesOf(c.x, c.axes), true); }

bool reduceProd_reference(const reduceProd_call& c) {
  asWide(c.x.dtype, [&]<class W>(Type<W>) { reduce(c.x, c.y, axesOf(c.x, c.axes), plainLoops<times, W>(W{1}), false); });
  return true;
}

bool reduceMax_reference(const reduceMax_call& c) {
  const Axes axes = axesOf(c.x, c.axes);
  const Dtype dtype = c.x.dtype;
  if (dtype == Dtype::float32) reduce(c.x, c.y, axes, plainLoops<larger, float>(least<float>(dtype)), false);
  else asWide(dtype, [&]<class W>(Type<W>) { reduce(c.x, c.y, axes, plainLoops<larger, W>(least<W>(dtype)), false); });
  return true;
}

bool reduceMin_reference(const reduceMin_call& c) {
  const Axes axes = axesOf(c.x, c.axes);
  const Dtype dtype = c.x.dtype;
  if (dtype == Dtype::float32) reduce(c.x, c.y, axes, plainLoops<smallest, float>(greatest<float>(dtype)), false);
  else asWide(dtype, [&]<class W>(Type<W>) { reduce(c.x, c.y, axes, plainLoops<smallest, W>(greatest<W>(dtype)), false); });
  return true;
}

bool sumFloats(const View& x, const View& y, const Param* axes, bool mean, const SumLoops& loops) {
  if (x.dtype != Dtype::float32) return false;
  reduce(x, y, axes ? axesOf(x, *axes) : axesOf(x, y), Loops<float, double>{0.0, plus, loops.run, loops.rows}, mean);
  return true;
}

}  // namespace lowbit
