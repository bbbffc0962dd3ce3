// y[i] = f(a[i], b[i]) with broadcasting as in numpy.
#pragma once
#include "../../core/strided.h"
#include "map.h"

namespace lowbit {

// One run of the last dimension. The strides that matter for speed, 1 and 0, are spelled out: their loops become vector code.
template <class T, class R, class F>
void zipRun(const T* __restrict a, int64_t stepA, const T* __restrict b, int64_t stepB, R* __restrict y, int64_t count, F f) {
  auto element = [&](int64_t i, int64_t j) { return static_cast<R>(f(a[i], b[j])); };
  if (stepA == 1 && stepB == 1)
    for (int64_t i = 0; i < count; i++) y[i] = element(i, i);
  else if (stepA == 1 && stepB == 0)
    for (int64_t i = 0; i < count; i++) y[i] = element(i, 0);
  else if (stepA == 0 && stepB == 1)
    for (int64_t i = 0; i < count; i++) y[i] = element(0, i);
  else
    for (int64_t i = 0; i < count; i++) y[i] = element(i * stepA, i * stepB);
}

// Elements are read as T and results stored as R.
template <class T, class R, class F> void zip(const View& a, const View& b, const View& y, F f) {
  const auto plan = broadcast(y, a, b);
  parallel(y.size(), kElementGrain, [&](int64_t begin, int64_t end) {
    plan.walk(begin, end, [&](int64_t i, const int64_t* at, int64_t count) {
      zipRun(a.as<T>() + at[0], plan.step(0), b.as<T>() + at[1], plan.step(1), y.as<R>() + i, count, f);
    });
  });
}

// Operands have one type, f computes in float or in a wide type; R is what results of floats are stored as.
template <class R = float, class F> bool zipNumber(const View& a, const View& b, const View& y, F f) {
  if (a.dtype == Dtype::float32) zip<float, R>(a, b, y, f);
  else asWide(a.dtype, [&]<class W>(Type<W>) { blockwise<W>(y, f, a, b); });
  return true;
}

template <class F> bool zipReal(const View& a, const View& b, const View& y, F f) {
  if (a.dtype == Dtype::float32) zip<float, float>(a, b, y, f);
  else blockwise<double>(y, f, a, b);
  return true;
}

template <class F> bool zipInteger(const View& a, const View& b, const View& y, F f) {
  asWide(a.dtype, [&]<class W>(Type<W>) {
    if constexpr (std::is_integral_v<W>) blockwise<W>(y, f, a, b);
    else EXPECT(!"an integer element type");
  });
  return true;
}

}  // namespace lowbit
