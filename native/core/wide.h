// Elements of any type through three of them: double, int64_t and uint64_t hold every element exactly. Loops written for these serve
// all types; convert.h says how a result comes back.
#pragma once
#include "types.h"

namespace lowbit {

// Real numbers are widened to double, integers to int64_t or uint64_t, booleans to 0 or 1 of uint64_t.
template <class F> void asWide(Dtype dtype, F&& body) {
  switch (dtype) {
    case Dtype::float32:
    case Dtype::float64:
    case Dtype::float16:
    case Dtype::bfloat16: return body(Type<double>{});
    case Dtype::int8:
    case Dtype::int16:
    case Dtype::int32:
    case Dtype::int64: return body(Type<int64_t>{});
    default: return body(Type<uint64_t>{});
  }
}

// to[i] = x[at + i·step] for `count` elements. Integers and booleans may be read as any of the three.
template <class W> void widen(const View& x, int64_t at, int64_t step, int64_t count, W* to);

// y[at + i] = from[i]
template <class W> void narrow(const W* from, const View& y, int64_t at, int64_t count);

}  // namespace lowbit
