// Reductions of float32 and float64 in the order of reduce.h: runs of neighbours that are long enough for its 32 lanes are the work of a
// warp, everything else that of a thread for each result and chunk, neighbours beside neighbours. Reading memory is the limit.
#include "../../cuda/reduce.cuh"
#include "../../op.h"
#include "reduce.h"

namespace lowbit {
namespace {

struct Sum {
  using State = double;
  DEVICE State start() const { return 0; }
  DEVICE State join(State sum, State x) const { return sum + x; }
  DEVICE State finish(State sum, int64_t) const { return sum; }
};
struct Mean : Sum {
  DEVICE State finish(State sum, int64_t count) const { return sum / static_cast<double>(count); }
};
struct Product : Sum {
  DEVICE State start() const { return 1; }
  DEVICE State join(State product, State x) const { return product * x; }
};
// NaN stays: no comparison with it holds, and x != x lets it in.
template <class T> struct Largest {
  using State = T;
  DEVICE State start() const { return static_cast<T>(-INFINITY); }
  DEVICE State join(State most, State x) const { return x > most || x != x ? x : most; }
  DEVICE State finish(State most, int64_t) const { return most; }
};
template <class T> struct Smallest : Largest<T> {
  DEVICE T start() const { return static_cast<T>(INFINITY); }
  DEVICE T join(T least, T x) const { return x < least || x != x ? x : least; }
};

// Results, each cut into chunks; there are partial states where there is more than one chunk.
template <class T, class State> struct Tasks {
  const T* x;
  T* y;
  State* parts;
  int64_t results, chunks, length;
  Reduction plan;

  DEVICE const T* start(int64_t result) const { return x + plan.start(result / plan.width) + result % plan.width; }
  DEVICE int64_t end(int64_t chunk) const { return chunks > 1 ? smaller((chunk + 1) * length, plan.count) : plan.count; }
  template <class Op> DEVICE void put(int64_t result, int64_t chunk, State state, Op op) const {
    if (parts) parts[chunk * results + result] = state;
    else y[result] = static_cast<T>(op.finish(state, plan.count));
  }
};

template <class T, class Op> __global__ void reduceInOrder(Tasks<T, typename Op::State> tasks, Op op) {
  FOR_EACH(task, tasks.results * tasks.chunks) {
    const int64_t result = task % tasks.results, chunk = task / tasks.results, step = tasks.plan.step();
    const T* from = tasks.start(result);
    typename Op::State state = op.start();
    tasks.plan.eachRun(chunk * tasks.length, tasks.end(chunk), [&](int64_t at, int64_t n) {
      const T* p = from + at;
#pragma unroll 8
      for (int64_t i = 0; i < n; i++) state = op.join(state, static_cast<typename Op::State>(p[i * step]));
    });
    tasks.put(result, chunk, state, op);
  }
}

template <class T, class Op> __global__ void reduceLongRuns(Tasks<T, typename Op::State> tasks, Op op) {
  using State = typename Op::State;
  const int lane = threadIdx.x % kLanes;
  const int64_t warps = static_cast<int64_t>(gridDim.x) * (blockDim.x / kLanes);
  int64_t task = (static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / kLanes;
  for (; task < tasks.results * tasks.chunks; task += warps) {
    const int64_t result = task / tasks.chunks, chunk = task % tasks.chunks;
    const T* from = tasks.start(result);
    State state = op.start();
    tasks.plan.eachRun(chunk * tasks.length, tasks.end(chunk), [&](int64_t at, int64_t n) {
      const T* p = from + at;
      if (n < kShortRun) {
        for (int64_t i = 0; i < n; i++) state = op.join(state, static_cast<State>(p[i]));
        return;
      }
      State mine = static_cast<State>(p[lane]);
#pragma unroll 8
      for (int64_t i = lane + kLanes; i < n; i += kLanes) mine = op.join(mine, static_cast<State>(p[i]));
      for (int half = kLanes / 2; half; half /= 2) mine = op.join(mine, __shfl_down_sync(kAllLanes, mine, half));
      state = op.join(state, __shfl_sync(kAllLanes, mine, 0));
    });
    if (lane == 0) tasks.put(result, chunk, state, op);
  }
}

template <class T, class Op> __global__ void joinChunks(Tasks<T, typename Op::State> tasks, Op op) {
  FOR_EACH(i, tasks.results) {
    auto state = tasks.parts[i];
#pragma unroll 8
    for (int64_t chunk = 1; chunk < tasks.chunks; chunk++) state = op.join(state, tasks.parts[chunk * tasks.results + i]);
    tasks.y[i] = static_cast<T>(op.finish(state, tasks.plan.count));
  }
}

template <class T, class Op> void reduceOnCard(const View& x, const View& y, const Axes& axes, Op op) {
  using State = typename Op::State;
  const Reduction plan(x, axes);
  const int64_t results = plan.outer * plan.width;
  EXPECT(y.size() == results);
  if (!results) return;
  const int64_t length = kChunk / smaller(plan.width, kColumns), chunks = plan.count > length ? ceilDiv(plan.count, length) : 1;
  const CardScratch parts(chunks > 1 ? static_cast<size_t>(results * chunks) * sizeof(State) : 1);
  const Tasks<T, State> tasks{x.as<T>(), y.as<T>(), chunks > 1 ? parts.as<State>() : nullptr, results, chunks, length, plan};
  const bool longRuns = plan.width == 1 && plan.reduced.shape[plan.reduced.rank - 1] >= kShortRun;
  if (longRuns) run(reduceLongRuns<T, Op>, launchOver(results * chunks * kLanes), tasks, op);
  else run(reduceInOrder<T, Op>, launchOver(results * chunks, 128), tasks, op);
  if (chunks > 1) run(joinChunks<T, Op>, launchOver(results, 128), tasks, op);
}

}  // namespace

bool reduceSum_cuda(const reduceSum_call& c) {
  return asFloating(c.x.dtype, [&]<class T>(T) { reduceOnCard<T>(c.x, c.y, axesOf(c.x, c.axes), Sum()); });
}
bool sumTo_cuda(const sumTo_call& c) {
  return asFloating(c.x.dtype, [&]<class T>(T) { reduceOnCard<T>(c.x, c.y, axesOf(c.x, c.y), Sum()); });
}
bool reduceMean_cuda(const reduceMean_call& c) {
  return asFloating(c.x.dtype, [&]<class T>(T) { reduceOnCard<T>(c.x, c.y, axesOf(c.x, c.axes), Mean()); });
}
bool reduceProd_cuda(const reduceProd_call& c) {
  return asFloating(c.x.dtype, [&]<class T>(T) { reduceOnCard<T>(c.x, c.y, axesOf(c.x, c.axes), Product()); });
}
bool reduceMax_cuda(const reduceMax_call& c) {
  return asFloating(c.x.dtype, [&]<class T>(T) { reduceOnCard<T>(c.x, c.y, axesOf(c.x, c.axes), Largest<T>()); });
}
bool reduceMin_cuda(const reduceMin_call& c) {
  return asFloating(c.x.dtype, [&]<class T>(T) { reduceOnCard<T>(c.x, c.y, axesOf(c.x, c.axes), Smallest<T>()); });
}

}  // namespace lowbit
