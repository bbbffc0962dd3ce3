// One thread pool for the process, with a fixed partition: [0, n) is cut into at most threads() runs of whole grains and run i is
// always the same run, whoever gets to it first. Kernels split over outputs only, so results do not depend on the number of threads.
// Plain C types: files compiled for one instruction set include this.
#pragma once
#include <stdint.h>

namespace lowbit {

// Calls body(context, begin, end) for disjoint runs that cover [0, n). The caller takes part, and waits only for runs that another
// thread has begun. A second caller at the same time, or a call from inside a body, runs everything on its own thread. A body does
// not throw.
void parallelFor(int64_t n, int64_t grain, void (*body)(void* context, int64_t begin, int64_t end), void* context);

// Elements of simple work (a copy, a sum) that are worth waking a thread for.
constexpr int64_t kElementGrain = 16384;

// Of the pool, or the limit of the calling thread where that is lower.
int threads();
void setThreads(int count);
// Lets calls of this thread use at most `count` threads; 0 takes the limit away.
void limitThreads(int count);

// parallelFor over a callable: parallel(n, grain, [&](int64_t begin, int64_t end) { ... })
template <class F> static inline void parallel(int64_t n, int64_t grain, F&& body) {
  parallelFor(
      n, grain, [](void* f, int64_t begin, int64_t end) { (*static_cast<F*>(f))(begin, end); }, &body);
}

}  // namespace lowbit
