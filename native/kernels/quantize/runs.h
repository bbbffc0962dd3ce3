// A dense tensor as runs of elements that share a scale: run r covers [r·length, min(size, (r + 1)·length)) and belongs to
// channel r % channels.
#pragma once
#include "../../core/view.h"
#include "../../cpu/pool.h"

namespace lowbit {

struct Runs {
  int64_t size, length, channels;

  static Runs whole(const View& x) { return {x.size(), 16384, 1}; }
  static Runs along(const View& x, int64_t axis) {
    int at = static_cast<int>(axis < 0 ? axis + x.rank : axis);
    return {x.size(), x.count(at + 1, x.rank), x.shape[at]};
  }

  int64_t count() const { return size ? (size + length - 1) / length : 0; }
  // body(run, begin, end) for every run, on all threads.
  template <class F> void each(F body) const {
    if (!size) return;
    const Runs runs = *this;
    parallel(count(), 16384 / length + 1, [=](int64_t first, int64_t last) {
      for (int64_t run = first; run < last; run++) {
        int64_t begin = run * runs.length, end = begin + runs.length;
        body(run, begin, end < runs.size ? end : runs.size);
      }
    });
  }
};

}  // namespace lowbit
