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
#include "../../core/wide.h"
#include "columns.h"
#include "reduction.h"

namespace lowbit {

constexpr int64_t kChunk = 16384, kShortRun = 64;
constexpr int kLanes = 32;

// How elements T are joined, from `start` on.
template <class T, class State> struct Loops {
  State start;
  State (*join)(State, State);
  // The state after n neighbours more.
  State (*run)(State state, const T* p, int64_t n);
  // states[j] after the n elements p[i·step + j].
  void (*rows)(State* states, const T* p, int64_t n, int64_t step, int64_t columns);
};

// The loops of one instruction set for sums of float32 are in sum_tiles.h; these are for all else.
template <auto join, class T, class State> Loops<T, State> plainLoops(State start) {
  auto run = [](State state, const T* p, int64_t n) {
    if (n < kShortRun) {
      for (int64_t i = 0; i < n; i++) state = join(state, static_cast<State>(p[i]));
      return state;
    }
    State lanes[kLanes];
    for (int j = 0; j < kLanes; j++) lanes[j] = static_cast<State>(p[j]);
    int64_t i = kLanes;
    for (; i + kLanes <= n; i += kLanes)
      for (int j = 0; j < kLanes; j++) lanes[j] = join(lanes[j], static_cast<State>(p[i + j]));
    for (int j = 0; i + j < n; j++) lanes[j] = join(lanes[j], static_cast<State>(p[i + j]));
    for (int half = kLanes / 2; half; half /= 2)
      for (int j = 0; j < half; j++) lanes[j] = join(lanes[j], lanes[j + half]);
    return join(state, lanes[0]);
  };
  auto rows = [](State* states, const T* p, int64_t n, int64_t step, int64_t columns) {
    for (int64_t i = 0; i < n; i++, p += step)
      for (int64_t j = 0; j < columns; j++) states[j] = join(states[j], static_cast<State>(p[j]));
  };
  return {start, [](State a, State b) -> State { return join(a, b); }, run, rows};
}

// x and y as the loops see them: float32 where it lies, other types widened on the way in and narrowed on the way out.
template <class T, class State> struct Elements {
  const View &x, &y;
  const Loops<T, State>& loops;

  // The state after the n neighbours from x[at] on, a chunk of them at most.
  State run(State state, int64_t at, int64_t n) const {
    if constexpr (std::is_same_v<T, float>) {
      return loops.run(state, x.as<float>() + at, n);
    } else {
      T wide[kChunk];
      widen(x, at, 1, n, wide);
      return loops.run(state, wide, n);
    }
  }
  void rows(State* states, int64_t at, int64_t n, int64_t step, int64_t columns) const {
    if constexpr (std::is_same_v<T, float>) {
      loops.rows(states, x.as<float>() + at, n, step, columns);
    } else {
      T wide[kColumns];
      for (int64_t i = 0; i < n; i++) {
        widen(x, at + i * step, 1, columns, wide);
        loops.rows(states, wide, 1, 0, columns);
      }
    }
  }
  // y[at + j] = states[j] / divisor; toward zero for integers, and 0 where the divisor is 0.
  void finish(State* states, int64_t divisor, int64_t at, int64_t n) const {
    for (int64_t j = 0; j < n; j++) {
      if constexpr (std::is_integral_v<State>) states[j] = divisor ? states[j] / static_cast<State>(divisor) : 0;
      else states[j] /= static_cast<State>(divisor);
    }
    if constexpr (std::is_same_v<T, float>)
      for (int64_t j = 0; j < n; j++) y.as<float>()[at + j] = static_cast<float>(states[j]);
    else narrow(states, y, at, n);
  }
};

// Results of one run each, as those over the last axis are: nothing to look up and nothing to share out.
template <class T, class State> void reduceRuns(const Elements<T, State>& elements, const Reduction& plan, int64_t divisor) {
  parallel(plan.outer, kElementGrain / (plan.count + 1) + 1, [&, count = plan.count, step = plan.kept.step(0)](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      State state = elements.run(elements.loops.start, i * step, count);
      elements.finish(&state, divisor, i, 1);
    }
  });
}

// With `mean`, what has been joined is divided by the number of elements behind a result.
template <class T, class State> void reduce(const View& x, const View& y, const Axes& axes, const Loops<T, State>& loops, bool mean) {
  const Reduction plan(x, axes);
  const Elements<T, State> elements{x, y, loops};
  const int64_t results = plan.outer * plan.width, divisor = mean ? plan.count : 1;
  EXPECT(y.size() == results);
  if (!results) return;
  const int64_t wide = smaller(plan.width, kColumns), blocks = ceilDiv(plan.width, kColumns);
  const int64_t length = kChunk / wide, chunks = plan.count > length ? ceilDiv(plan.count, length) : 1;
  if (plan.width == 1 && chunks == 1 && plan.isRuns()) return reduceRuns(elements, plan, divisor);
  State* const parts = chunks > 1 ? static_cast<State*>(scratch(static_cast<size_t>(results * chunks) * sizeof(State))) : nullptr;
  const int64_t cost = smaller(plan.count, length) * wide + 1;
  parallel(plan.outer * blocks * chunks, kElementGrain / cost + 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; task++) {
      const int64_t chunk = task % chunks, column = task / chunks % blocks * kColumns, row = task / chunks / blocks;
      const int64_t columns = smaller(kColumns, plan.width - column), first = row * plan.width + column;
      const int64_t from = plan.start(row) + column;
      State states[kColumns];
      std::fill_n(states, columns, loops.start);
      plan.eachRun(chunk * length, chunks > 1 ? smaller((chunk + 1) * length, plan.count) : plan.count, [&](int64_t at, int64_t n) {
        if (plan.width == 1) states[0] = elements.run(states[0], from + at, n);
        else elements.rows(states, from + at, n, plan.step(), columns);
      });
      if (parts) std::copy_n(states, columns, parts + chunk * results + first);
      else elements.finish(states, divisor, first, columns);
    }
  });
  if (!parts) return;
  parallel(results, kElementGrain / chunks + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      State state = parts[i];
      for (int64_t chunk = 1; chunk < chunks; chunk++) state = loops.join(state, parts[chunk * results + i]);
      elements.finish(&state, divisor, i, 1);
    }
  });
}

}  // namespace lowbit
