// The reductions of reduce.h: sums, products, extremes.
#include <limits>

#include "../../op.h"
#include "reduce.h"
#include "sums.h"

namespace lowbit {
namespace {

// Where a maximum starts: -infinity, or the least integer. T is a computing type: float, double or an integer.
template <class T> constexpr T least() {
  return std::is_integral_v<T> ? std::numeric_limits<T>::min() : -std::numeric_limits<T>::infinity();
}
template <class T> constexpr T greatest() {
  return std::is_integral_v<T> ? std::numeric_limits<T>::max() : std::numeric_limits<T>::infinity();
}

// Integers: the wrapped sum over the count, toward zero; the mean of no integers is 0, that of no real numbers NaN.
template <class T> auto meanOf(Total<T> sum, int64_t count) {
  if constexpr (!std::is_integral_v<T>) return sum / static_cast<double>(count);
  else if constexpr (std::is_signed_v<T>) return count ? static_cast<int64_t>(sum) / count : 0;
  else return count ? sum / static_cast<uint64_t>(count) : 0;
}

constexpr auto same = [](auto state, int64_t) { return state; };
constexpr auto plus = [](auto a, auto b) { return a + b; };
constexpr auto times = [](auto a, auto b) { return a * b; };
// NaN stays: no comparison with it holds, and x != x lets it in.
constexpr auto larger = [](auto most, auto x) { return x > most || x != x ? x : most; };
constexpr auto smallest = [](auto most, auto x) { return x < most || x != x ? x : most; };

template <class T, class State, class Join, class Finish>
void reducePlainly(const View& x, const View& y, const Axes& axes, State start, Join join, Finish finish) {
  reduce<T>(x, y, axes, start, PlainLoops<T, State, Join>{join}, join, finish);
}

template <class F> bool total(const View& x, F&& body) {
  asNumber(x.dtype, [&]<class T>(Type<T> type) { body(type, Total<Computed<T>>{0}); });
  return true;
}

}  // namespace

bool reduceSum_reference(const reduceSum_call& c) {
  return total(c.x, [&]<class T, class S>(Type<T>, S zero) { reducePlainly<T>(c.x, c.y, axesOf(c.x, c.axes), zero, plus, same); });
}

bool sumTo_reference(const sumTo_call& c) {
  return total(c.x, [&]<class T, class S>(Type<T>, S zero) { reducePlainly<T>(c.x, c.y, axesOf(c.x, c.y), zero, plus, same); });
}

bool reduceMean_reference(const reduceMean_call& c) {
  return total(
      c.x, [&]<class T, class S>(Type<T>, S zero) { reducePlainly<T>(c.x, c.y, axesOf(c.x, c.axes), zero, plus, meanOf<Computed<T>>); });
}

bool reduceProd_reference(const reduceProd_call& c) {
  return total(c.x, [&]<class T, class S>(Type<T>, S) { reducePlainly<T>(c.x, c.y, axesOf(c.x, c.axes), S{1}, times, same); });
}

bool reduceMax_reference(const reduceMax_call& c) {
  asNumber(c.x.dtype, [&]<class T>(Type<T>) { reducePlainly<T>(c.x, c.y, axesOf(c.x, c.axes), least<Computed<T>>(), larger, same); });
  return true;
}

bool reduceMin_reference(const reduceMin_call& c) {
  asNumber(c.x.dtype, [&]<class T>(Type<T>) { reducePlainly<T>(c.x, c.y, axesOf(c.x, c.axes), greatest<Computed<T>>(), smallest, same); });
  return true;
}

bool sumFloats(const View& x, const View& y, const Param* axes, bool mean, const SumLoops& loops) {
  if (x.dtype != Dtype::float32) return false;
  const Axes gone = axes ? axesOf(x, *axes) : axesOf(x, y);
  if (mean) reduce<float>(x, y, gone, 0.0, loops, plus, meanOf<float>);
  else reduce<float>(x, y, gone, 0.0, loops, plus, same);
  return true;
}

}  // namespace lowbit
