// y = x with margins; negative margins cut. Each axis has a table of where its indices come from, -1 where the value goes.
// The axes behind the last padded one are moved as one run; of that one, neighbours that come from neighbours are copied together.
#include <string.h>

#include <algorithm>
#include <vector>

#include "../../core/convert.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "margin.h"
#include "move.h"

namespace lowbit {
namespace {

// Neighbours in a row of y that come from neighbours in x, from `source` on; -1: from nowhere.
struct Piece {
  int64_t source, length;
};

// Where the elements of a padded tensor y come from in x. Both are seen as rows: `width` runs along the last axis with margins, a run being
// what lies behind it.
struct Margins {
  int first = 0, last;  // only axes in [first, last] have margins
  int64_t run, width, rows;
  std::vector<int64_t> tables[kMaxRank];

  Margins(const View& x, const View& y, const Param& pads, int64_t mode) : last(x.rank - 1) {
    EXPECT(pads.count == 2 * x.rank);
    auto none = [&](int d) { return !pads[d] && !pads[x.rank + d]; };
    while (last > 0 && none(last)) last--;
    while (first < last && none(first)) first++;
    for (int d = first; d <= last; d++)
      for (int64_t i = 0; i < y.shape[d]; i++) tables[d].push_back(sourceOf(i - pads[d], x.shape[d], mode));
    run = x.count(last + 1, x.rank);
    width = y.shape[last];
    rows = y.count(0, last);
  }

  // Where in a row of x the runs of a row of y come from, -1 where from nowhere.
  const std::vector<int64_t>& columns() const { return tables[last]; }
  // The same, as few pieces as there are.
  std::vector<Piece> pieces() const {
    std::vector<Piece> list;
    for (const int64_t source : columns()) {
      const bool goesOn = !list.empty() && source == (list.back().source < 0 ? -1 : list.back().source + list.back().length);
      if (goesOn) list.back().length++;
      else list.push_back({source, 1});
    }
    return list;
  }
  // The row of x behind row i of y, or -1.
  int64_t row(const View& x, const View& y, int64_t i) const {
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
  if (c.x.rank == 0) return copy(c.x, c.y), true;
  const Margins margins(c.x, c.y, c.pads, c.mode.integer());
  const int64_t run = margins.run, width = margins.width;
  const std::vector<Piece> pieces = margins.pieces();
  const uint64_t bits = elementBits(c.value, c.y.dtype);
  asBits(c.y.dtype, [&]<class T>(Type<T>) {
    const T value = static_cast<T>(bits);
    parallel(margins.rows, kElementGrain / (width * run + 1) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        T* to = c.y.as<T>() + i * width * run;
        const int64_t row = margins.row(c.x, c.y, i);
        if (row < 0) {
          std::fill_n(to, width * run, value);
          continue;
        }
        const T* from = c.x.as<T>() + row * c.x.shape[margins.last] * run;
        for (const auto [source, length] : pieces) {
          if (source < 0) std::fill_n(to, length * run, value);
          else memcpy(to, from + source * run, static_cast<size_t>(length * run) * sizeof(T));
          to += length * run;
        }
      }
    });
  });
  return true;
}

// dx[i] = Σ dy over the places that were copied from x[i], in their order
bool padGrad_reference(const padGrad_call& c) {
  fill(c.dx, 0);
  if (!c.dx.size() || !c.dy.size()) return true;
  if (c.dx.rank == 0) return copy(c.dy, c.dx), true;
  const Margins margins(c.dx, c.dy, c.pads, c.mode.integer());
  const int64_t run = margins.run, width = margins.width, together = c.dy.count(margins.first, margins.last);
  asReal(c.dx.dtype, [&]<class T>(Type<T>) {
    // What lies before the padded axes is independent.
    parallel(margins.rows / together, kElementGrain / (together * width * run + 1) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * together; i < end * together; i++) {
        const int64_t row = margins.row(c.dx, c.dy, i);
        if (row < 0) continue;
        const T* from = c.dy.as<T>() + i * width * run;
        for (const int64_t column : margins.columns()) {
          T* sums = c.dx.as<T>() + (row * c.dx.shape[margins.last] + column) * run;
          for (int64_t j = 0; column >= 0 && j < run; j++)
            sums[j] = static_cast<T>(static_cast<Computed<T>>(sums[j]) + static_cast<Computed<T>>(from[j]));
          from += run;
        }
      }
    });
  });
  return true;
}

}  // namespace lowbit
