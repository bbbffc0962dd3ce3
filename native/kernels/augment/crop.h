// Where windows over images read: outside an image there is a fill value, or the image mirrored without its border.
#pragma once
#include "../../core/view.h"

namespace lowbit {
namespace {

enum Mode { constant, reflect };

// The index in [0, size) that i is read from; -1 where the fill value goes.
INLINE int64_t sourceOf(int64_t i, int64_t size, int64_t mode) {
  if (i >= 0 && i < size) return i;
  if (mode == constant) return -1;
  if (size == 1) return 0;
  const int64_t period = 2 * (size - 1), at = (i % period + period) % period;
  return at < size ? at : period - at;
}

}  // namespace
}  // namespace lowbit
