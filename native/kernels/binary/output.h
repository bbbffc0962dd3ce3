// What becomes of the sums of a product: v = fma(f32(acc), scale[o], bias[o]), as float32, as the code req(v), or as the sign v >= 0.
#pragma once
#include "../../core/arithmetic.h"

namespace lowbit {
namespace {

// In the order of the choices in lib/ops/binary.ts.
enum class Form { float32, uint8, int8, signs };

struct SignOutput {
  char* y;
  Form form;
  int64_t pixelBytes;  // from one pixel's outputs to the next one's
  float low, high;     // codes before the zero point is added
  int32_t zeroPoint;

  template <class C>
  INLINE explicit SignOutput(const C& c)
      : y(c.y.template as<char>()),
        form(static_cast<Form>(c.output.integer())),
        pixelBytes(c.y.dim(-1) * (form == Form::float32 ? 4 : 1)),
        low(static_cast<float>(c.qmin - c.yZero)),
        high(static_cast<float>(c.qmax - c.yZero)),
        zeroPoint(static_cast<int32_t>(c.yZero.integer())) {}

  // Where output `o` of a pixel is; of signs, the byte.
  INLINE char* at(int64_t pixel, int64_t o) const { return y + pixel * pixelBytes + bytes(o); }
  INLINE int64_t bytes(int64_t outputs) const { return form == Form::float32 ? 4 * outputs : form == Form::signs ? outputs / 8 : outputs; }

  // body(store) with the store(y, v, count) of the form: the first `count` lanes of v go to y.
  template <class V, class F> INLINE void stores(F&& body) const {
    using Float = typename V::Float;
    if (form == Form::float32)
      return body([](char* to, Float v, int64_t count) { V::storeFloats(reinterpret_cast<float*>(to), v, count); });
    if (form == Form::signs) return body([](char* to, Float v, int64_t count) { V::storeSigns(to, v, count); });
    const auto least = V::repeat(low), most = V::repeat(high);
    const auto zero = V::repeat(zeroPoint);
    body([&](char* to, Float v, int64_t count) {
      V::storeCodes(reinterpret_cast<uint8_t*>(to), V::requantize(v, least, most, zero), count);
    });
  }
};

}  // namespace
}  // namespace lowbit
