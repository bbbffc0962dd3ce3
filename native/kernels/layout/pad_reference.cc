// y = x with margins; negative margins cut. Each axis has a table of where its indices come from, -1 where the value goes.
// The axes behind the last padded one are moved as one run.
#include <string.h>

#include <algorithm>
#include <vector>

#include "../../core/convert.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "move.h"

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

// Where the elements of a padded tensor y come from in x.
struct Margins {
  int first = 0, last;  // only axes in [first, last) have margins
  std::vector<int64_t> tables[kMaxRank];

  Margins(const View& x, const View& y, const Param& pads, int64_t mode) : last(x.rank) {
    EXPECT(pads.count == 2 * x.rank);
    auto none = [&](int d) { return !pads[d] && !pads[x.rank + d]; };
    while (last > 0 && none(last - 1)) last--;
    while (first < last && none(first)) first++;
    for (int d = first; d < last; d++)
      for (int64_t i = 0; i < y.shape[d]; i++) tables[d].push_back(sourceOf(i - pads[d], x.shape[d], mode));
  }

  // The run of x behind run i of y, or -1: both are seen as rows over the axes [first, last), and runs of those behind.
  int64_t source(const View& x, const View& y, int64_t i) const {
    int64_t from = 0, stride = 1;
    bool inside = true;
    for (int d = last - 1; d >= first; d--) {
      const int64_t at = tables[d][static_cast<size_t>(i % y.shape[d])];
      inside &= at >= 0;
      from += at * stride;
      stride *= x.shape[d];
      i /= y.shape[d];
    }
    return inside ? from + i * stride : -1;
  }
};

}  // namespace

bool pad_reference(const pad_call& c) {
  if (!c.y.size()) return true;
  const Margins margins(c.x, c.y, c.pads, c.mode.integer());
  const int64_t run = c.x.count(margins.last, c.x.rank), runs = c.y.count(0, margins.last);
  const uint64_t bits = elementBits(c.value, c.y.dtype);
  asBits(c.y.dtype, [&]<class T>(Type<T>) {
    const T value = static_cast<T>(bits);
    parallel(runs, kElementGrain / (run + 1) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        const int64_t from = margins.source(c.x, c.y, i);
        T* to = c.y.as<T>() + i * run;
        if (from >= 0) memcpy(to, c.x.as<T>() + from * run, static_cast<size_t>(run) * sizeof(T));
        else std::fill_n(to, run, value);
      }
    });
  });
  return true;
}

// dx[i] = Σ dy over the places that were copied from x[i], in their order
bool padGrad_reference(const padGrad_call& c) {
  fill(c.dx, 0);
  if (!c.dx.size() || !c.dy.size()) return true;
  const Margins margins(c.dx, c.dy, c.pads, c.mode.integer());
  const int64_t run = c.dx.count(margins.last, c.dx.rank), runs = c.dy.count(margins.first, margins.last);
  asReal(c.dx.dtype, [&]<class T>(Type<T>) {
    // What lies before the padded axes is independent.
    parallel(c.dy.count(0, margins.first), kElementGrain / (runs * run) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * runs; i < end * runs; i++) {
        const int64_t to = margins.source(c.dx, c.dy, i);
        if (to < 0) continue;
        const T* from = c.dy.as<T>() + i * run;
        T* sums = c.dx.as<T>() + to * run;
        for (int64_t j = 0; j < run; j++) sums[j] = static_cast<T>(static_cast<Computed<T>>(sums[j]) + static_cast<Computed<T>>(from[j]));
      }
    });
  });
  return true;
}

}  // namespace lowbit
