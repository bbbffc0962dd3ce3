// Sums and products of two tensors of codes, with numpy broadcasting.
#include "../../core/strided.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "../quantize/rounding.h"

namespace lowbit {
namespace {

// y[i] = f(a[i], b[i]) with operands of different types, as int32 in f. Runs of equal shapes have strides of 1, and no branch.
template <class A, class B, class F> void zipCodes(const View& a, const View& b, const View& y, const A* left, const B* right, F f) {
  const auto plan = broadcast(y, a, b);
  uint8_t* out = y.as<uint8_t>();
  parallel(y.size(), kElementGrain, [&](int64_t begin, int64_t end) {
    plan.walk(begin, end, [&](int64_t first, const int64_t* at, int64_t count) {
      const A* p = left + at[0];
      const B* q = right + at[1];
      const int64_t stepP = plan.step(0), stepQ = plan.step(1);
      uint8_t* to = out + first;
      if (stepP == 1 && stepQ == 1)
        for (int64_t i = 0; i < count; i++) to[i] = static_cast<uint8_t>(f(p[i], q[i]));
      else
        for (int64_t i = 0; i < count; i++) to[i] = static_cast<uint8_t>(f(p[i * stepP], q[i * stepQ]));
    });
  });
}

template <class F> bool zip(const View& a, const View& b, const View& y, F f) {
  EXPECT(isCode(y));
  if (!y.size()) return true;
  withCodes(a, [&](auto left) { withCodes(b, [&](auto right) { zipCodes(a, b, y, left, right, f); }); });
  return true;
}

}  // namespace

// y = req((a - za)·ma + (b - zb)·mb)
bool qadd_reference(const qadd_call& c) {
  const int32_t aZero = static_cast<int32_t>(c.aZero.integer()), bZero = static_cast<int32_t>(c.bZero.integer());
  const float ma = static_cast<float>(c.aMultiplier), mb = static_cast<float>(c.bMultiplier);
  const Requantize requantize(c.yZero, c.qmin, c.qmax);
  return zip(c.a, c.b, c.y,
             [=](int32_t a, int32_t b) { return requantize(static_cast<float>(a - aZero) * ma + static_cast<float>(b - bZero) * mb); });
}

// y = req((a - za)·(b - zb)·m)
bool qmul_reference(const qmul_call& c) {
  const int32_t aZero = static_cast<int32_t>(c.aZero.integer()), bZero = static_cast<int32_t>(c.bZero.integer());
  const float m = static_cast<float>(c.multiplier);
  const Requantize requantize(c.yZero, c.qmin, c.qmax);
  return zip(c.a, c.b, c.y, [=](int32_t a, int32_t b) { return requantize(static_cast<float>((a - aZero) * (b - bZero)) * m); });
}

}  // namespace lowbit
