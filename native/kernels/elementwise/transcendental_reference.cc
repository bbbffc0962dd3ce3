// The functions of <cmath>, computed in double and rounded once; exp, log, tanh and erf are in smooth_reference.cc.
#include <cmath>

#include "../../op.h"
#include "map.h"

namespace lowbit {

bool sin_reference(const sin_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::sin(x); });
}
bool cos_reference(const cos_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::cos(x); });
}
bool tan_reference(const tan_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::tan(x); });
}
bool asin_reference(const asin_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::asin(x); });
}
bool acos_reference(const acos_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::acos(x); });
}
bool atan_reference(const atan_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::atan(x); });
}
bool sinh_reference(const sinh_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::sinh(x); });
}
bool cosh_reference(const cosh_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::cosh(x); });
}
bool asinh_reference(const asinh_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::asinh(x); });
}
bool acosh_reference(const acosh_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::acosh(x); });
}
bool atanh_reference(const atanh_call& c) {
  return mapReal(c.x, c.y, [](double x) { return std::atanh(x); });
}

}  // namespace lowbit
