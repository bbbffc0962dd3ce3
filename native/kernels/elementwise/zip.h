// y[i] = f(a[i], b[i]) with broadcasting as in numpy.
#pragma once
#include "../../core/strided.h"
#include "map.h"

namespace lowbit {

// One run of the last dimension. The strides that matter for speed, 1 and 0, are spelled out: their loops become vector code.
template <class A, class B, class R, class F>
void zipRun(const A* __restrict a, int64_t stepA, const B* __restrict b, int64_t stepB, R* __restrict y, int64_t count, F f) {
  auto element = [&](int64_t i, int64_t j) { return static_cast<R>(f(static_cast<Computed<A>>(a[i]), static_cast<Computed<B>>(b[j]))); };
  if (stepA == 1 && stepB == 1)
    for (int64_t i = 0; i < count; i++) y[i] = element(i, i);
  else if (stepA == 1 && stepB == 0)
    for (int64_t i = 0; i < count; i++) y[i] = element(i, 0);
  else if (stepA == 0 && stepB == 1)
    for (int64_t i = 0; i < count; i++) y[i] = element(0, i);
  else
    for (int64_t i = 0; i < count; i++) y[i] = element(i * stepA, i * stepB);
}

template <class A, class B, class R, class F> void zip(const View& a, const View& b, const View& y, F f) {
  const auto plan = broadcast(y, a, b);
  parallel(y.size(), kElementGrain, [&](int64_t begin, int64_t end) {
    plan.walk(begin, end, [&](int64_t i, const int64_t* at, int64_t count) {
      zipRun(a.as<A>() + at[0], plan.step(0), b.as<B>() + at[1], plan.step(1), y.as<R>() + i, count, f);
    });
  });
}

// For any number: operands and result have one type.
template <class F> bool zipNumber(const View& a, const View& b, const View& y, F f) {
  asNumber(y.dtype, [&]<class T>(Type<T>) { zip<T, T, T>(a, b, y, f); });
  return true;
}

template <class F> bool zipInteger(const View& a, const View& b, const View& y, F f) {
  asInteger(y.dtype, [&]<class T>(Type<T>) { zip<T, T, T>(a, b, y, f); });
  return true;
}

}  // namespace lowbit
