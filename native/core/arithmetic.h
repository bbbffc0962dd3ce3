// Small functions of sizes.
#pragma once
#include "view.h"

namespace lowbit {
namespace {

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace
}  // namespace lowbit
