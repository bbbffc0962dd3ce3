// y = x with margins; negative margins cut. Each axis has a table of where its indices come from, -1 where the value goes.
// The axes behind the last padded one are moved as one run, and that one is walked by its table without a division.
#include <string.h>

#include <algorithm>
#include <vector>

#include "../../core/convert.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

enum Mode { constant, reflect, edge, wrap };

// The index in [0, size) that i, which may lie outside, is read from.
int64_t sourceOf(int64_t i, int64_t size, int64_t mode) {
  if (i >= 0 && i < size) return i;
  if (mode == constant || size == 0) return -1;
  if (mode == edge || size == 1) return i < 0 ? 0 : size - 1;
  const int64_t period = mode == reflect ? 2 * (size - 1) : size;
  const int64_t at = (i % period + period) % period;
  return at < size ? at : period - at;
}

}  // namespace

bool pad_reference(const pad_call& c) {
  const int rank = c.x.rank;
  EXPECT(c.pads.count == 2 * rank);
  if (!c.y.size()) return true;
  int padded = rank;  // axes before this one may have margins
  while (padded > 0 && !c.pads[padded - 1] && !c.pads[rank + padded - 1]) padded--;
  std::vector<int64_t> tables[kMaxRank];
  for (int d = 0; d < padded; d++)
    for (int64_t i = 0; i < c.y.shape[d]; i++) tables[d].push_back(sourceOf(i - c.pads[d], c.x.shape[d], c.mode.integer()));
  const int last = padded > 0 ? padded - 1 : 0;
  const int64_t width = padded > 0 ? c.y.shape[last] : 1;
  const int64_t run = c.x.count(padded, rank), rows = c.y.count(0, last);
  if (padded == 0) tables[0].assign(1, 0);
  const uint64_t bits = elementBits(c.value, c.y.dtype);
  asBits(c.y.dtype, [&]<class T>(Type<T>) {
    const T value = static_cast<T>(bits);
    parallel(rows, kElementGrain / (width * run + 1) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        int64_t row = 0, rest = i, stride = 1;
        bool inside = true;
        for (int d = last - 1; d >= 0; d--) {
          const int64_t source = tables[d][static_cast<size_t>(rest % c.y.shape[d])];
          inside &= source >= 0;
          row += source * stride;
          stride *= c.x.shape[d];
          rest /= c.y.shape[d];
        }
        T* to = c.y.as<T>() + i * width * run;
        if (!inside) {
          std::fill_n(to, width * run, value);
          continue;
        }
        const T* from = c.x.as<T>() + row * c.x.shape[last] * run;
        for (const int64_t source : tables[last]) {
          if (source < 0) std::fill_n(to, run, value);
          else memcpy(to, from + source * run, static_cast<size_t>(run) * sizeof(T));
          to += run;
        }
      }
    });
  });
  return true;
}

}  // namespace lowbit
