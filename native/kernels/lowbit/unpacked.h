// A product with packed weights as the product that it is with unpacked ones: qgemm, qconv2d, gemm, conv2d. Those weights have type and
// shape but no data yet.
#pragma once
#include "../../core/check.h"
#include "../../core/levels.h"
#include "../../op.h"

namespace lowbit {
namespace {

constexpr double kZero = 0;
constexpr Param kNoZeroPoint{&kZero, 1};

template <class C> INLINE Levels levelsOf(const C& c) { return Levels(c.bits.integer(), c.grid.integer()); }

INLINE View matrixOf(const View& packed, int64_t depth, Dtype dtype) { return {nullptr, dtype, 2, {packed.shape[0], depth}}; }

template <class C> INLINE View kernelOf(const C& c, Dtype dtype) {
  return {nullptr, dtype, 4, {c.w.shape[0], c.kernel[0], c.kernel[1], c.x.shape[3] / c.groups.integer()}};
}

inline void expectPacked(const View& packed, const View& scale, const View& weights, const Levels& levels) {
  EXPECT(packed.dtype == Dtype::uint8 && packed.rank == 2 && scale.size() == packed.shape[0]);
  EXPECT(packed.shape[1] == levels.rowBytes(weights.count(1, weights.rank)));
}

inline qgemm_call unpacked(const lowbitGemm_call& c) {
  const View b = matrixOf(c.b, c.a.dim(-1), Dtype::int8);
  expectPacked(c.b, c.scale, b, levelsOf(c));
  return {c.a, b, c.bias, c.scale, c.y, c.aZero, kNoZeroPoint, c.yZero, c.qmin, c.qmax, c.kept};
}

inline qconv2d_call unpacked(const lowbitConv2d_call& c) {
  const View w = kernelOf(c, Dtype::int8);
  expectPacked(c.w, c.scale, w, levelsOf(c));
  return {c.x, w, c.bias, c.scale, c.y, c.strides, c.pads, c.dilations, c.groups, c.xZero, kNoZeroPoint, c.yZero, c.qmin, c.qmax, c.kept};
}

inline gemm_call unpacked(const lowbitGemmFloat_call& c) {
  const View b = matrixOf(c.b, c.a.dim(-1), Dtype::float32);
  expectPacked(c.b, c.scale, b, levelsOf(c));
  return {c.a, b, c.bias, c.y, c.kept};
}

inline conv2d_call unpacked(const lowbitConv2dFloat_call& c) {
  const View w = kernelOf(c, Dtype::float32);
  expectPacked(c.w, c.scale, w, levelsOf(c));
  return {c.x, w, c.bias, c.y, c.strides, c.pads, c.dilations, c.groups, c.kept};
}

}  // namespace
}  // namespace lowbit
