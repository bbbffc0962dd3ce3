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
  INLINE char* at(int64_t pixel, int64_t o) const { return y + pixel * pixelBytes + bytes(form, o); }
  static constexpr int64_t bytes(Form form, int64_t outputs) {
    return form == Form::float32 ? 4 * outputs : form == Form::signs ? outputs / 8 : outputs;
  }
};

}  // namespace
}  // namespace lowbit
