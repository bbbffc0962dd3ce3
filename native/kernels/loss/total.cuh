// The one number that a loss is: terms of rows or chunks, added in order.
#pragma once
#include "../../cuda/reduce.cuh"

namespace lowbit {
namespace {

// loss = factor·Σ terms / divisor
template <class T>
__global__ void putTotal(const double* __restrict__ terms, int64_t count, double factor, double divisor, T* __restrict__ loss) {
  const double sum = sumInOrder(terms, count);
  if (threadIdx.x == 0) loss[0] = static_cast<T>(factor * sum / divisor);
}

template <class T> void totalOf(const CardScratch& terms, int64_t count, double factor, double divisor, const View& loss) {
  run(putTotal<T>, {dim3(1), dim3(kOrderedThreads)}, terms.as<double>(), count, factor, divisor, loss.as<T>());
}

}  // namespace
}  // namespace lowbit
