// Passes over memory, a vector at a time.
#pragma once
#include "../pool.h"
#include "formula.h"

namespace lowbit {
namespace {

// Calls body(i, lanes) for vectors that cover [begin, end).
template <class F> INLINE void eachVector(int64_t begin, int64_t end, F&& body) {
  int64_t i = begin;
  for (; i + kWidth <= end; i += kWidth) body(i, Lanes(kWidth));
  if (i < end) body(i, Lanes(end - i));
}

// The same over [0, size) on all threads.
template <class F> INLINE void streamVectors(int64_t size, F body) {
  parallel(size, kElementGrain, [=](int64_t begin, int64_t end) { eachVector(begin, end, body); });
}

}  // namespace
}  // namespace lowbit
