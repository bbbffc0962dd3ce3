// y[i] = f(x[i]) and y[i] = f(a[i], b[i]), with broadcasting, on the card. f is a struct whose operator() is DEVICE.
#pragma once
#include "../../core/strided.h"
#include "../../core/types.h"
#include "../../cuda/launch.h"

namespace lowbit {
namespace {

template <class T, class C, class R, class F> __global__ void mapElements(const T* __restrict__ x, R* __restrict__ y, int64_t count, F f) {
  FOR_EACH(i, count) y[i] = static_cast<R>(f(static_cast<C>(x[i])));
}

// Elements are read as T, handed to f as C and its result is stored as R.
template <class T, class C, class R, class F> void mapOnCard(const View& x, const View& y, F f) {
  EXPECT(x.size() == y.size());
  if (y.size()) run(mapElements<T, C, R, F>, launchOver(y.size()), x.as<T>(), y.as<R>(), y.size(), f);
}

// Where the operands of element i of the output are.
template <int N> struct Offsets {
  int64_t at[N];

  DEVICE Offsets(const Strided<N>& plan, int64_t i) : at{} {
    for (int d = plan.rank - 1; d >= 0; d--) {
      const int64_t index = i % plan.shape[d];
      i /= plan.shape[d];
      for (int k = 0; k < N; k++) at[k] += index * plan.strides[k][d];
    }
  }
};

template <class A, class B, class R, class F>
__global__ void zipElements(const A* __restrict__ a, const B* __restrict__ b, R* __restrict__ y, int64_t count, F f) {
  FOR_EACH(i, count) y[i] = static_cast<R>(f(static_cast<Computed<A>>(a[i]), static_cast<Computed<B>>(b[i])));
}
template <class A, class B, class R, class F>
__global__ void zipBroadcast(const A* __restrict__ a, const B* __restrict__ b, R* __restrict__ y, int64_t count, Strided<2> plan, F f) {
  FOR_EACH(i, count) {
    const Offsets<2> from(plan, i);
    y[i] = static_cast<R>(f(static_cast<Computed<A>>(a[from.at[0]]), static_cast<Computed<B>>(b[from.at[1]])));
  }
}

template <class A, class B, class R, class F> void zipOnCard(const View& a, const View& b, const View& y, F f) {
  const int64_t count = y.size();
  if (!count) return;
  const Strided<2> plan = broadcast(y, a, b);
  if (plan.rank == 1 && plan.step(0) == 1 && plan.step(1) == 1) {
    run(zipElements<A, B, R, F>, launchOver(count), a.as<A>(), b.as<B>(), y.as<R>(), count, f);
  } else {
    run(zipBroadcast<A, B, R, F>, launchOver(count), a.as<A>(), b.as<B>(), y.as<R>(), count, plan, f);
  }
}

}  // namespace
}  // namespace lowbit
