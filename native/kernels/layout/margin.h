// Where the margins of a padded axis come from.
#pragma once
#include "../../core/view.h"

namespace lowbit {
namespace {

enum PadMode { constant, reflect, edge, wrap };

// The index in [0, size) that i, which may lie outside, is read from.
INLINE int64_t sourceOf(int64_t i, int64_t size, int64_t mode) {
  if (i >= 0 && i < size) return i;
  if (mode == constant || size == 0) return -1;
  if (mode == edge || size == 1) return i < 0 ? 0 : size - 1;
  const int64_t period = mode == reflect ? 2 * (size - 1) : size;
  const int64_t at = (i % period + period) % period;
  return at < size ? at : period - at;
}

}  // namespace
}  // namespace lowbit
