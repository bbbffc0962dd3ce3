// One axis of an averaging window.
#pragma once
#include <algorithm>

#include "../../core/view.h"

namespace lowbit {
namespace {

// The part of one window that lies inside the image, and the number of taps that count.
struct Taps {
  int64_t begin, end, count;

  INLINE Taps(int64_t at, int64_t kernel, int64_t stride, int64_t padBegin, int64_t padEnd, int64_t size, bool countPad) {
    const int64_t start = at * stride - padBegin;
    begin = std::max<int64_t>(start, 0);
    end = std::max(begin, std::min(start + kernel, size));
    count = countPad ? std::min(start + kernel, size + padEnd) - start : end - begin;
  }
};

}  // namespace
}  // namespace lowbit
