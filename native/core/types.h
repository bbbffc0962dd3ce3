// From an element type to its C++ type: asNumber(x.dtype, [&]<class T>(Type<T>) { ... }).
#pragma once
#include <type_traits>

#include "check.h"
#include "half.h"

namespace lowbit {

template <class T> struct Type {
  using type = T;
};

// What elements of type T are computed in.
template <class T> using Computed = std::conditional_t<std::is_same_v<T, half> || std::is_same_v<T, bhalf>, float, T>;

inline int elementBytes(Dtype dtype) {
  static constexpr int bytes[] = {
#define X(name, type, bytes) bytes,
      LOWBIT_DTYPES(X)
#undef X
  };
  return bytes[static_cast<int>(dtype)];
}

// float32, float64, float16, bfloat16
template <class F> void asReal(Dtype dtype, F&& body) {
  switch (dtype) {
    case Dtype::float32: return body(Type<float>{});
    case Dtype::float64: return body(Type<double>{});
    case Dtype::float16: return body(Type<half>{});
    case Dtype::bfloat16: return body(Type<bhalf>{});
    default: EXPECT(!"a real element type");
  }
}

template <class F> void asInteger(Dtype dtype, F&& body) {
  switch (dtype) {
    case Dtype::int8: return body(Type<int8_t>{});
    case Dtype::uint8: return body(Type<uint8_t>{});
    case Dtype::int16: return body(Type<int16_t>{});
    case Dtype::uint16: return body(Type<uint16_t>{});
    case Dtype::int32: return body(Type<int32_t>{});
    case Dtype::uint32: return body(Type<uint32_t>{});
    case Dtype::int64: return body(Type<int64_t>{});
    case Dtype::uint64: return body(Type<uint64_t>{});
    default: EXPECT(!"an integer element type");
  }
}

inline bool isReal(Dtype dtype) { return dtype <= Dtype::bfloat16; }

// Every type except boolean.
template <class F> void asNumber(Dtype dtype, F&& body) {
  if (isReal(dtype)) asReal(dtype, body);
  else asInteger(dtype, body);
}

// For kernels that move elements without looking at them: an unsigned integer of the element's size.
template <class F> void asBits(Dtype dtype, F&& body) {
  switch (elementBytes(dtype)) {
    case 1: return body(Type<uint8_t>{});
    case 2: return body(Type<uint16_t>{});
    case 4: return body(Type<uint32_t>{});
    default: return body(Type<uint64_t>{});
  }
}

}  // namespace lowbit
