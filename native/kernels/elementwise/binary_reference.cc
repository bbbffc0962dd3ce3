// Elementwise functions of two tensors of one dtype, with broadcasting.
#include "../../op.h"
#include "binary.h"

namespace lowbit {
namespace {

// For functions of any number: the result has the operands' type.
template <class F> bool zipNumber(const View& a, const View& b, const View& y, F f) {
  switch (a.dtype) {
    case Dtype::float32: zipTyped<float, float>(a, b, y, f); return true;
    case Dtype::float64: zipTyped<double, double>(a, b, y, f); return true;
    case Dtype::float16: zipTyped<half, half>(a, b, y, f); return true;
    case Dtype::bfloat16: zipTyped<bhalf, bhalf>(a, b, y, f); return true;
    case Dtype::int8: zipTyped<int8_t, int8_t>(a, b, y, f); return true;
    case Dtype::uint8: zipTyped<uint8_t, uint8_t>(a, b, y, f); return true;
    case Dtype::int16: zipTyped<int16_t, int16_t>(a, b, y, f); return true;
    case Dtype::uint16: zipTyped<uint16_t, uint16_t>(a, b, y, f); return true;
    case Dtype::int32: zipTyped<int32_t, int32_t>(a, b, y, f); return true;
    case Dtype::uint32: zipTyped<uint32_t, uint32_t>(a, b, y, f); return true;
    case Dtype::int64: zipTyped<int64_t, int64_t>(a, b, y, f); return true;
    case Dtype::uint64: zipTyped<uint64_t, uint64_t>(a, b, y, f); return true;
    default: EXPECT(!"a number type"); return false;
  }
}

}  // namespace

// y = a + b
bool add_reference(const add_call& c) {
  return zipNumber(c.a, c.b, c.y, [](auto a, auto b) { return a + b; });
}

}  // namespace lowbit
