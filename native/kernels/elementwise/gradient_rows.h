// The gradients of gradient.h on float32 tensors of one shape, a vector at a time; memory is the limit.
#pragma once
#include "../../core/check.h"
#include "../../cpu/f32/vector.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "gradient.h"

namespace lowbit {
namespace {

// Calls f(i, lanes) for vectors of elements that cover [0, size).
template <class F> void eachVector(int64_t size, F f) {
  parallel(size, kElementGrain, [=](int64_t begin, int64_t end) {
    int64_t i = begin;
    for (; i + kWidth <= end; i += kWidth) f(i, Lanes(kWidth));
    if (i < end) f(i, Lanes(end - i));
  });
}

// dx = f(dy, x)
template <class F> bool gradientRow(const View& dy, const View& x, const View& dx, F f) {
  if (dx.dtype != Dtype::float32) return false;
  EXPECT(dy.size() == dx.size() && x.size() == dx.size());
  eachVector(dx.size(), [=, dys = dy.as<float>(), xs = x.as<float>(), to = dx.as<float>()](int64_t i, Lanes lanes) {
    lanes.store(to + i, f(lanes.load(dys + i), lanes.load(xs + i)));
  });
  return true;
}

Vector repeated(const Param& value) { return repeat(static_cast<float>(value.values[0])); }

bool clipGradRow(const clipGrad_call& c) {
  const Vector low = repeated(c.min), high = repeated(c.max);
  return gradientRow(c.dy, c.x, c.dx, [=](Vector dy, Vector x) { return clipGradOf(dy, x, low, high); });
}

bool leakyReluGradRow(const leakyReluGrad_call& c) {
  const Vector alpha = repeated(c.alpha);
  return gradientRow(c.dy, c.x, c.dx, [=](Vector dy, Vector x) { return leakyReluGradOf(dy, x, alpha); });
}

bool hardSigmoidGradRow(const hardSigmoidGrad_call& c) {
  const Vector alpha = repeated(c.alpha), beta = repeated(c.beta);
  return gradientRow(c.dy, c.x, c.dx, [=](Vector dy, Vector x) { return hardSigmoidGradOf(dy, x, alpha, beta); });
}

bool hardSwishGradRow(const hardSwishGrad_call& c) {
  return gradientRow(c.dy, c.x, c.dx, [](Vector dy, Vector x) { return hardSwishGradOf(dy, x); });
}

bool eluGradRow(const eluGrad_call& c) {
  if (c.dx.dtype != Dtype::float32) return false;
  const Vector rate = repeated(c.rate), offset = repeated(c.offset), above = repeated(c.above);
  const float *dy = c.dy.as<float>(), *x = c.x.as<float>(), *y = c.y.as<float>();
  eachVector(c.dx.size(), [=, to = c.dx.as<float>()](int64_t i, Lanes lanes) {
    lanes.store(to + i, eluGradOf(lanes.load(dy + i), lanes.load(x + i), lanes.load(y + i), rate, offset, above));
  });
  return true;
}

bool maximumGradRow(const maximumGrad_call& c) {
  const int64_t size = c.da.size();
  if (c.da.dtype != Dtype::float32 || c.a.size() != size || c.b.size() != size) return false;
  const float *dy = c.dy.as<float>(), *a = c.a.as<float>(), *b = c.b.as<float>();
  eachVector(size, [=, to = c.da.as<float>()](int64_t i, Lanes lanes) {
    lanes.store(to + i, maximumGradOf(lanes.load(dy + i), lanes.load(a + i), lanes.load(b + i)));
  });
  return true;
}

}  // namespace
}  // namespace lowbit
