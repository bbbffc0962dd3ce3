// What activation functions are made of, in double.
#pragma once
#include <cmath>

#include "../../core/view.h"

namespace lowbit {
namespace {

INLINE double clampToUnit(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }
// log(1 + e^x) without overflow
INLINE double logOnePlusExp(double x) { return (x > 0 ? x : 0) + std::log1p(std::exp(-std::fabs(x))); }

}  // namespace
}  // namespace lowbit
