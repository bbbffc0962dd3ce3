// ReLU, its gradient and clamps of float32 tensors, a vector at a time; memory is the limit.
#pragma once
#include "../../core/check.h"
#include "../../cpu/f32/stream.h"
#include "../../op.h"

namespace lowbit {
namespace {

INLINE bool sameFloats(const View& a, const View& b) {
  if (a.dtype != Dtype::float32 || b.dtype != a.dtype || a.rank != b.rank) return false;
  for (int d = 0; d < a.rank; d++)
    if (a.shape[d] != b.shape[d]) return false;
  return true;
}

// y[i] = f(a[i], b[i]); other calls are declined.
template <class F> INLINE bool zipVectors(const View& a, const View& b, const View& y, F f) {
  if (!sameFloats(a, b)) return false;
  EXPECT(y.size() == a.size());
  const float *p = a.as<float>(), *q = b.as<float>();
  float* out = y.as<float>();
  streamVectors(y.size(), [=](int64_t i, Lanes lanes) { lanes.store(out + i, f(lanes.load(p + i), lanes.load(q + i))); });
  return true;
}

static bool reluGradVectors(const reluGrad_call& c) {
  return zipVectors(c.y, c.dy, c.dx, [](Vector y, Vector dy) { return gated(y, dy); });
}

static bool reluVectors(const relu_call& c) {
  return zipVectors(c.x, c.x, c.y, [](Vector x, Vector) { return rectified(x); });
}

static bool clipVectors(const clip_call& c) {
  const Vector low = repeat(static_cast<float>(c.min.real(0))), high = repeat(static_cast<float>(c.max.real(0)));
  return zipVectors(c.x, c.x, c.y, [=](Vector x, Vector) { return clipped(x, low, high); });
}

}  // namespace
}  // namespace lowbit
