// y[i] = f(x[i]) for every element type. f takes and returns the computing type: float for halves, the type itself otherwise.
#pragma once
#include <cmath>
#include <type_traits>

#include "../../core/check.h"
#include "../../core/half.h"
#include "../../cpu/pool.h"

namespace lowbit {

constexpr int64_t kElementGrain = 16384;

template <class T> using Computed = std::conditional_t<std::is_same_v<T, half> || std::is_same_v<T, bhalf>, float, T>;

template <class T, class R, class F> void mapTyped(const View& x, const View& y, F f) {
  const T* in = x.as<T>();
  R* out = y.as<R>();
  parallel(x.size(), kElementGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) out[i] = static_cast<R>(f(static_cast<Computed<T>>(in[i])));
  });
}

// For functions of real numbers: float32, float64, float16, bfloat16.
template <class F> bool mapReal(const View& x, const View& y, F f) {
  switch (x.dtype) {
    case Dtype::float32: mapTyped<float, float>(x, y, f); return true;
    case Dtype::float64: mapTyped<double, double>(x, y, f); return true;
    case Dtype::float16: mapTyped<half, half>(x, y, f); return true;
    case Dtype::bfloat16: mapTyped<bhalf, bhalf>(x, y, f); return true;
    default: EXPECT(!"a real element type"); return false;
  }
}

// For functions of any number (boolean excepted).
template <class F> bool mapNumber(const View& x, const View& y, F f) {
  switch (x.dtype) {
    case Dtype::int8: mapTyped<int8_t, int8_t>(x, y, f); return true;
    case Dtype::uint8: mapTyped<uint8_t, uint8_t>(x, y, f); return true;
    case Dtype::int16: mapTyped<int16_t, int16_t>(x, y, f); return true;
    case Dtype::uint16: mapTyped<uint16_t, uint16_t>(x, y, f); return true;
    case Dtype::int32: mapTyped<int32_t, int32_t>(x, y, f); return true;
    case Dtype::uint32: mapTyped<uint32_t, uint32_t>(x, y, f); return true;
    case Dtype::int64: mapTyped<int64_t, int64_t>(x, y, f); return true;
    case Dtype::uint64: mapTyped<uint64_t, uint64_t>(x, y, f); return true;
    default: return mapReal(x, y, f);
  }
}

}  // namespace lowbit
