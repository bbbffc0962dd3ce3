// y = one number for all elements of x along some axes. The order in which they are joined depends on shapes alone:
//
//   elements behind a result   cut into chunks of 16384 / min(columns, 64), each taken in the order of x, and the chunks joined in order
//   neighbours in a chunk      where the last axis is reduced: runs of 64 or more are joined in 32 lanes, element i in lane i % 32,
//                              and the lanes then in halves: j with j + 16, j + 8, ... j + 1; shorter ones one by one
//
// A chunk is the work of one thread. Real sums and products are formed in double and rounded once.
#pragma once
#include "../../core/arithmetic.h"
#include "../../core/scratch.h"
#include "../../core/types.h"
#include "columns.h"
#include "reduction.h"

namespace lowbit {

constexpr int64_t kChunk = 16384, kShortRun = 64;
constexpr int kLanes = 32;

// The inner loops for any type; a sum of float32 has its own for each instruction set (sums.h).
template <class T, class State, class Join> struct PlainLoops {
  Join join;

  // The state after n neighbours more.
  State run(State state, const T* p, int64_t n) const {
    if (n < kShortRun) {
      for (int64_t i = 0; i < n; i++) state = join(state, element(p[i]));
      return state;
    }
    State lanes[kLanes];
    for (int j = 0; j < kLanes; j++) lanes[j] = element(p[j]);
    int64_t i = kLanes;
    for (; i + kLanes <= n; i += kLanes)
      for (int j = 0; j < kLanes; j++) lanes[j] = join(lanes[j], element(p[i + j]));
    for (int j = 0; i + j < n; j++) lanes[j] = join(lanes[j], element(p[i + j]));
    for (int half = kLanes / 2; half; half /= 2)
      for (int j = 0; j < half; j++) lanes[j] = join(lanes[j], lanes[j + half]);
    return join(state, lanes[0]);
  }

  // states[j] after the n elements p[i·step + j].
  void rows(State* states, const T* p, int64_t n, int64_t step, int64_t columns) const {
    for (int64_t i = 0; i < n; i++, p += step)
      for (int64_t j = 0; j < columns; j++) states[j] = join(states[j], element(p[j]));
  }

  static State element(T x) { return static_cast<State>(static_cast<Computed<T>>(x)); }
};

// Results of one run each, as those over the last axis are: nothing to look up and nothing to share out.
template <class T, class State, class Loops, class Finish>
void reduceRuns(const View& x, const View& y, const Reduction& plan, State start, Loops loops, Finish finish) {
  const T* from = x.as<T>();
  T* to = y.as<T>();
  const int64_t count = plan.count, step = plan.kept.step(0);
  parallel(plan.outer, kElementGrain / (count + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) to[i] = static_cast<T>(finish(loops.run(start, from + i * step, count), count));
  });
}

// join(state, state) from `start`; finish(state, count) is the result.
template <class T, class State, class Loops, class Join, class Finish>
void reduce(const View& x, const View& y, const Axes& axes, State start, Loops loops, Join join, Finish finish) {
  const Reduction plan(x, axes);
  const int64_t results = plan.outer * plan.width;
  EXPECT(y.size() == results);
  if (!results) return;
  const int64_t wide = smaller(plan.width, kColumns), blocks = ceilDiv(plan.width, kColumns);
  const int64_t length = kChunk / wide, chunks = plan.count > length ? ceilDiv(plan.count, length) : 1;
  if (plan.width == 1 && chunks == 1 && plan.isRuns()) return reduceRuns<T>(x, y, plan, start, loops, finish);
  State* const parts = chunks > 1 ? static_cast<State*>(scratch(static_cast<size_t>(results * chunks) * sizeof(State))) : nullptr;
  const int64_t cost = smaller(plan.count, length) * wide + 1;
  parallel(plan.outer * blocks * chunks, kElementGrain / cost + 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; task++) {
      const int64_t chunk = task % chunks, column = task / chunks % blocks * kColumns, row = task / chunks / blocks;
      const int64_t columns = smaller(kColumns, plan.width - column), first = row * plan.width + column;
      const T* from = x.as<T>() + plan.start(row) + column;
      State states[kColumns];
      std::fill_n(states, columns, start);
      plan.eachRun(chunk * length, chunks > 1 ? smaller((chunk + 1) * length, plan.count) : plan.count, [&](int64_t at, int64_t n) {
        if (plan.width == 1) states[0] = loops.run(states[0], from + at, n);
        else loops.rows(states, from + at, n, plan.step(), columns);
      });
      if (parts) std::copy_n(states, columns, parts + chunk * results + first);
      else
        for (int64_t j = 0; j < columns; j++) y.as<T>()[first + j] = static_cast<T>(finish(states[j], plan.count));
    }
  });
  if (!parts) return;
  parallel(results, kElementGrain / chunks + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      State state = parts[i];
      for (int64_t chunk = 1; chunk < chunks; chunk++) state = join(state, parts[chunk * results + i]);
      y.as<T>()[i] = static_cast<T>(finish(state, plan.count));
    }
  });
}

}  // namespace lowbit
