// Powers of real numbers: squares and cubes are products, first powers copies.
#pragma once
#include <cmath>

#include "../../core/view.h"

namespace lowbit {
namespace {

INLINE double realPower(double a, double b) { return b == 2 ? a * a : b == 3 ? a * a * a : b == 1 ? a : std::pow(a, b); }

}  // namespace
}  // namespace lowbit
