// y[i] = f(x[i]) over a whole tensor.
#pragma once
#include "../../core/types.h"
#include "../../cpu/pool.h"

namespace lowbit {

// Elements are read as T, handed to f as C and its result is stored as R.
template <class T, class C, class R, class F> void map(const View& x, const View& y, F f) {
  EXPECT(x.size() == y.size());
  const T* __restrict in = x.as<T>();
  R* __restrict out = y.as<R>();
  parallel(x.size(), kElementGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) out[i] = static_cast<R>(f(static_cast<C>(in[i])));
  });
}

// For any number; f computes in the element's own type, in float for halves.
template <class F> bool mapNumber(const View& x, const View& y, F f) {
  asNumber(x.dtype, [&]<class T>(Type<T>) { map<T, Computed<T>, T>(x, y, f); });
  return true;
}

// For real numbers; f computes in double and is rounded once, so that float results do not depend on the libm's float functions.
template <class F> bool mapReal(const View& x, const View& y, F f) {
  asReal(x.dtype, [&]<class T>(Type<T>) { map<T, double, T>(x, y, f); });
  return true;
}

}  // namespace lowbit
