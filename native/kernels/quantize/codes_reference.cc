// From codes to codes, one at a time: y has the shape of x.
#include <type_traits>

#include "../../core/rounding.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

constexpr int64_t kGrain = 16384;

template <class T> void requantizeTyped(const requantize_call& c) {
  const T* in = c.x.as<T>();
  uint8_t* out = c.y.as<uint8_t>();
  const Requantize requantize(c.yZero, c.qmin, c.qmax);
  const float m = static_cast<float>(c.multiplier);
  using Wide = std::conditional_t<sizeof(T) < 4, int32_t, int64_t>;
  const Wide zero = static_cast<Wide>(c.xZero.integer());
  parallel(c.x.size(), kGrain, [=](int64_t begin, int64_t end) { rescale(in + begin, out + begin, end - begin, zero, m, requantize); });
}

}  // namespace

// y = req(f32(x - z)·m)
bool requantize_reference(const requantize_call& c) {
  EXPECT(isCode(c.y));
  if (c.x.dtype == Dtype::int32) requantizeTyped<int32_t>(c);
  else if (c.x.dtype == Dtype::int8) requantizeTyped<int8_t>(c);
  else requantizeTyped<uint8_t>(c);
  return true;
}

// y = table[x], a signed x as x + 128
bool qlookup_reference(const qlookup_call& c) {
  EXPECT(isCode(c.x) && isCode(c.y) && c.table.size() == 256);
  const uint8_t *in = c.x.as<uint8_t>(), *table = c.table.as<uint8_t>();
  uint8_t* out = c.y.as<uint8_t>();
  const uint8_t flip = c.x.dtype == Dtype::int8 ? 128 : 0;
  parallel(c.x.size(), kGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) out[i] = table[in[i] ^ flip];
  });
  return true;
}

}  // namespace lowbit
