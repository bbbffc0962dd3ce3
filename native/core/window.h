// One axis of a window that slides over an input. Plain data: safe to include from files compiled for one instruction set.
#pragma once
#include "view.h"

namespace lowbit {

// The points at, at + step, at + 2·step, ... (`count` of them) that lie in [0, size) are the points [first, end).
struct Inside {
  int64_t first, end;

  INLINE Inside(int64_t at, int64_t step, int64_t count, int64_t size) {
    if (step == 1) {  // the common case, without divisions
      first = at >= 0 ? 0 : least(count, -at);
      end = at >= size ? 0 : least(count, size - at);
      if (end < first) end = first;
      return;
    }
    first = at >= 0 ? 0 : least(count, (step - 1 - at) / step);
    end = at >= size ? 0 : least(count, (size - at + step - 1) / step);
    if (end < first) end = first;
  }
  INLINE bool operator==(const Inside& other) const { return first == other.first && end == other.end; }

 private:
  static INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
};

struct Window {
  int64_t input, kernel, stride, dilation, pad;  // pad: before the input

  // Input position of tap 0 of window i; negative inside the padding.
  INLINE int64_t start(int64_t i) const { return i * stride - pad; }
  // The taps of window i that lie inside the input.
  INLINE Inside taps(int64_t i) const { return {start(i), dilation, kernel, input}; }
};

}  // namespace lowbit
