// The sum and the product of two codes, docs/integers.md. The output's zero point is added before the rounding, as other runtimes do
// (on a tie that can make a difference of one), so it is part of the constant here and Requantize gets 0.
#pragma once
#include "../../core/rounding.h"
#include "../../op.h"

namespace lowbit {

// y = clamp(rne(fma(a, ma, fma(b, mb, constant))), qmin, qmax), constant = f32(zy - fma(ma, za, f32(mb·zb)))
struct CodeSum {
  float ma, mb, constant;
  Requantize requantize;

  INLINE explicit CodeSum(const qadd_call& c)
      : ma(static_cast<float>(c.aMultiplier)), mb(static_cast<float>(c.bMultiplier)), requantize(0, c.qmin, c.qmax) {
    const float za = static_cast<float>(c.aZero), zb = static_cast<float>(c.bZero);
    constant = static_cast<float>(c.yZero) - __builtin_fmaf(ma, za, mb * zb);
  }
  INLINE int32_t operator()(int32_t a, int32_t b) const {
    return requantize(__builtin_fmaf(static_cast<float>(a), ma, __builtin_fmaf(static_cast<float>(b), mb, constant)));
  }
};

// y = clamp(rne(f32(f32((a - za)·(b - zb)) · m) + zy), qmin, qmax)
struct CodeProduct {
  int32_t za, zb;
  float multiplier, zy;
  Requantize requantize;

  INLINE explicit CodeProduct(const qmul_call& c)
      : za(static_cast<int32_t>(c.aZero.integer())),
        zb(static_cast<int32_t>(c.bZero.integer())),
        multiplier(static_cast<float>(c.multiplier)),
        zy(static_cast<float>(c.yZero)),
        requantize(0, c.qmin, c.qmax) {}
  INLINE int32_t operator()(int32_t a, int32_t b) const { return requantize(static_cast<float>((a - za) * (b - zb)) * multiplier + zy); }
};

}  // namespace lowbit
