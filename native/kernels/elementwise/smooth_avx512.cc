#include "smooth_rows.h"

namespace lowbit {

bool exp_avx512(const exp_call& c) {
  return mapVectors(c.x, c.y, [](Vector x) { return exponential(x); });
}
bool sqrt_avx512(const sqrt_call& c) {
  return mapVectors(c.x, c.y, [](Vector x) { return root(x); });
}
bool log_avx512(const log_call& c) {
  return mapVectors(c.x, c.y, [](Vector x) { return logarithm(x); });
}
bool tanh_avx512(const tanh_call& c) {
  return mapVectors(c.x, c.y, [](Vector x) { return hyperbolicTangent(x); });
}
bool erf_avx512(const erf_call& c) {
  return mapVectors(c.x, c.y, [](Vector x) { return errorFunction(x); });
}
bool sigmoid_avx512(const sigmoid_call& c) {
  return mapVectors(c.x, c.y, [](Vector x) { return logistic(x); });
}
bool silu_avx512(const silu_call& c) {
  return mapVectors(c.x, c.y, [](Vector x) { return siluOf(x); });
}
bool gelu_avx512(const gelu_call& c) {
  if (c.approximate.integer()) return mapVectors(c.x, c.y, [](Vector x) { return geluTanhOf(x); });
  return mapVectors(c.x, c.y, [](Vector x) { return geluOf(x); });
}

bool tanhGrad_avx512(const tanhGrad_call& c) {
  return mapSlopes(c.dy, c.y, c.dx, [](Vector y) { return tanhSlope(y); });
}
bool sigmoidGrad_avx512(const sigmoidGrad_call& c) {
  return mapSlopes(c.dy, c.y, c.dx, [](Vector y) { return sigmoidSlope(y); });
}
bool erfGrad_avx512(const erfGrad_call& c) {
  return mapSlopes(c.dy, c.x, c.dx, [](Vector x) { return erfSlope(x); });
}
bool siluGrad_avx512(const siluGrad_call& c) {
  return mapSlopes(c.dy, c.x, c.dx, [](Vector x) { return siluSlope(x); });
}
bool geluGrad_avx512(const geluGrad_call& c) {
  if (c.approximate.integer()) return mapSlopes(c.dy, c.x, c.dx, [](Vector x) { return geluTanhSlope(x); });
  return mapSlopes(c.dy, c.x, c.dx, [](Vector x) { return geluSlope(x); });
}

}  // namespace lowbit
