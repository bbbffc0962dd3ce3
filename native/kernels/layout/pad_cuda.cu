// y = x with margins, and the gradient, on the card: a thread finds where its word of y comes from, or where all copies of its element of
// dx went. The axes behind the last padded one are moved as one run.
#include <string.h>

#include "../../core/convert.h"
#include "../../op.h"
#include "margin.h"
#include "move.cuh"

namespace lowbit {
namespace {

// x and y as axes of which some have margins, and the run of elements behind them.
struct Margins {
  int axes = 0;
  int64_t mode, run;
  int64_t x[kMaxRank], y[kMaxRank], before[kMaxRank];

  Margins(const View& in, const View& out, const Param& pads, int64_t mode) : mode(mode) {
    EXPECT(pads.count == 2 * in.rank);
    int last = in.rank;
    while (last > 0 && !pads[last - 1] && !pads[in.rank + last - 1]) last--;
    for (; axes < last; axes++) {
      x[axes] = in.shape[axes];
      y[axes] = out.shape[axes];
      before[axes] = pads[axes];
    }
    run = in.count(last, in.rank);
  }

  // The run of x that run i of y comes from, or -1.
  DEVICE int64_t source(int64_t i) const {
    int64_t from = 0, stride = 1;
    for (int d = axes - 1; d >= 0; d--) {
      const int64_t rest = i / y[d], at = sourceOf(i - rest * y[d] - before[d], x[d], mode);
      if (at < 0) return -1;
      from += at * stride;
      stride *= x[d];
      i = rest;
    }
    return from;
  }
  // The first index of y along axis d, from `from` on, that comes from index k of x; y[d] if there is none.
  DEVICE int64_t next(int d, int64_t from, int64_t k) const {
    if (mode == constant) return k + before[d] >= from && k + before[d] < y[d] ? k + before[d] : y[d];
    while (from < y[d] && sourceOf(from - before[d], x[d], mode) != k) from++;
    return from;
  }
};

template <class Word>
__global__ void padRuns(Margins margins, const Word* __restrict__ x, Word* __restrict__ y, int64_t count, int64_t words, Word value) {
  FOR_EACH(i, count) {
    const int64_t run = i / words, source = margins.source(run);
    y[i] = source < 0 ? value : x[source * words + i - run * words];
  }
}

// Walks all indices of y that come from those of an element of x, in their order.
template <class T> __global__ void sumCopies(Margins margins, const T* __restrict__ dy, T* __restrict__ dx, int64_t count) {
  const int axes = margins.axes;
  FOR_EACH(i, count) {
    int64_t k[kMaxRank], at[kMaxRank], rest = i / margins.run;
    const int64_t inRun = i - rest * margins.run;
    bool any = true;
    for (int d = axes - 1; d >= 0; d--) {
      k[d] = rest % margins.x[d];
      rest /= margins.x[d];
      at[d] = margins.next(d, 0, k[d]);
      any &= at[d] < margins.y[d];
    }
    T sum = static_cast<T>(Computed<T>(0));
    for (int d = axes; any && d >= 0;) {
      int64_t from = 0;
      for (int j = 0; j < axes; j++) from = from * margins.y[j] + at[j];
      sum = static_cast<T>(static_cast<Computed<T>>(sum) + static_cast<Computed<T>>(dy[from * margins.run + inRun]));
      for (d = axes - 1; d >= 0; d--) {
        at[d] = margins.next(d, at[d] + 1, k[d]);
        if (at[d] < margins.y[d]) break;
        at[d] = margins.next(d, 0, k[d]);
      }
    }
    dx[i] = sum;
  }
}

}  // namespace

bool pad_cuda(const pad_call& c) {
  if (!c.y.size()) return true;
  const Margins margins(c.x, c.y, c.pads, c.mode.integer());
  const int64_t bytes = elementBytes(c.y.dtype);
  const uint64_t element = elementBits(c.value, c.y.dtype);
  char values[16];
  for (int64_t i = 0; i < 16; i += bytes) memcpy(values + i, &element, static_cast<size_t>(bytes));
  asWords(static_cast<uint64_t>(margins.run * bytes) | addressOf(c.x.data) | addressOf(c.y.data), [&]<class Word>(Type<Word>) {
    Word value;
    memcpy(&value, values, sizeof value);
    const int64_t words = margins.run * bytes / static_cast<int64_t>(sizeof(Word)), count = c.y.size() / margins.run * words;
    run(padRuns<Word>, launchOver(count), margins, c.x.as<Word>(), c.y.as<Word>(), count, words, value);
  });
  return true;
}

// dx[i] = Σ dy over the places that were copied from x[i], in their order
bool padGrad_cuda(const padGrad_call& c) {
  if (!c.dx.size()) return true;
  if (!c.dy.size()) return fillCard(c.dx.data, 0, static_cast<size_t>(c.dx.size() * elementBytes(c.dx.dtype))), true;
  const Margins margins(c.dx, c.dy, c.pads, c.mode.integer());
  asReal(c.dx.dtype,
         [&]<class T>(Type<T>) { run(sumCopies<T>, launchOver(c.dx.size()), margins, c.dy.as<T>(), c.dx.as<T>(), c.dx.size()); });
  return true;
}

}  // namespace lowbit
