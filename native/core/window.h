// One axis of a window that slides over an input. Plain data: safe to include from files compiled for one instruction set.
#pragma once
#include "view.h"

namespace lowbit {

struct Window {
  int64_t input, kernel, stride, dilation, pad;  // pad: before the input

  // Input position of tap 0 of window i; negative inside the padding.
  INLINE int64_t start(int64_t i) const { return i * stride - pad; }
  // The taps of window i that lie inside the input are [firstTap, endTap).
  INLINE int64_t firstTap(int64_t i) const {
    const int64_t before = -start(i), taps = (before + dilation - 1) / dilation;
    return before <= 0 ? 0 : taps < kernel ? taps : kernel;
  }
  INLINE int64_t endTap(int64_t i) const {
    const int64_t room = input - start(i), taps = (room + dilation - 1) / dilation, first = firstTap(i);
    return room <= 0 || taps < first ? first : taps < kernel ? taps : kernel;
  }
};

}  // namespace lowbit
