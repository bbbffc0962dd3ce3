// Functions of elements on the card: which types they run for. Integers are those that networks compute with; rows decline the others.
#pragma once
#include "../../cuda/elements.cuh"

namespace lowbit {
namespace {

// body(Type<T>) for a type that rows of the card have.
template <class F> bool asCardNumber(Dtype dtype, F&& body) {
  if (dtype == Dtype::int32) return body(Type<int32_t>()), true;
  if (dtype == Dtype::int64) return body(Type<int64_t>()), true;
  if (!isReal(dtype)) return false;
  asReal(dtype, body);
  return true;
}

// y = f(x0, x1, ...), all of one type; f computes in it, in float for halves.
template <class F, class... Views> bool mapNumbers(F f, const View& y, const Views&... x) {
  return asCardNumber(y.dtype, [&]<class T>(Type<T>) { compute<T, std::conditional_t<true, T, Views>...>(f, y, x...); });
}
template <class F, class... Views> bool mapReals(F f, const View& y, const Views&... x) {
  asReal(y.dtype, [&]<class T>(Type<T>) { compute<T, std::conditional_t<true, T, Views>...>(f, y, x...); });
  return true;
}

// The same where f is one of the C library's functions in double, which a card's library has its own of: rounded to float32 or a half the
// two agree (they differ in the last digits of a double), in float64 they do not.
template <class F, class... Views> bool mapRounded(F f, const View& y, const Views&... x) {
  return y.dtype != Dtype::float64 && mapReals(f, y, x...);
}

}  // namespace
}  // namespace lowbit
