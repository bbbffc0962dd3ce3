// Class labels, int32 or int64, one for each row. Plain data: safe to include from files compiled for one instruction set.
#pragma once
#include "../../core/view.h"

namespace lowbit {

// How many labels count, which are all but `ignored`; throws std::out_of_range for one outside the classes.
int64_t countLabels(const View& labels, int64_t classes, int64_t ignored);

namespace {

INLINE int64_t labelAt(const View& labels, int64_t row) {
  return labels.dtype == Dtype::int32 ? labels.as<int32_t>()[row] : labels.as<int64_t>()[row];
}

}  // namespace
}  // namespace lowbit
