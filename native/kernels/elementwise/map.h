// y[i] = f(x[i]) over a whole tensor.
#pragma once
#include "../../cpu/pool.h"
#include "blocks.h"

namespace lowbit {

// Elements are read as T and results stored as R.
template <class T, class R, class F> void map(const View& x, const View& y, F f) {
  EXPECT(x.size() == y.size());
  const T* __restrict in = x.as<T>();
  R* __restrict out = y.as<R>();
  parallel(x.size(), kElementGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) out[i] = static_cast<R>(f(in[i]));
  });
}

// For any number; f computes in float or in a wide type.
template <class F> bool mapNumber(const View& x, const View& y, F f) {
  if (x.dtype == Dtype::float32) map<float, float>(x, y, f);
  else asWide(x.dtype, [&]<class W>(Type<W>) { blockwise<W>(y, f, x); });
  return true;
}

// For real numbers; f computes in double and is rounded once, so that float results do not depend on the libm's float functions.
template <class F> bool mapReal(const View& x, const View& y, F f) {
  blockwise<double>(y, f, x);
  return true;
}

}  // namespace lowbit
