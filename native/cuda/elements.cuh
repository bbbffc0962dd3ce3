// One pass over memory on the card: y[i...] = f(x0[i...], x1[i...], ...), f a struct whose operator() is DEVICE. A thread takes as many
// neighbours as fill 16 bytes of the widest type, where the operands are neighbours too or one element repeated; else one element.
#pragma once
#include "../core/strided.h"
#include "../core/types.h"
#include "few.cuh"

namespace lowbit {
namespace {

template <class... T> constexpr int packOf() {
  size_t widest = 1;
  ((widest = sizeof(T) > widest ? sizeof(T) : widest), ...);
  return static_cast<int>(16 / widest);
}

template <int N, class T> DEVICE Few<T, N> repeatOrRead(const T* p, bool repeated) {
  if (!repeated) return readFew<N>(p);
  Few<T, N> few;
#pragma unroll
  for (int j = 0; j < N; j++) few.of[j] = *p;
  return few;
}

inline bool aligned(const void* p, size_t bytes) { return reinterpret_cast<uintptr_t>(p) % bytes == 0; }

// Where the output, operand 0, and the inputs have element i of a walk; of more than one dimension it has less than 2^32 elements, because
// divisions of 64 bits cost more than the pass over memory.
template <int N> struct Places {
  int64_t at[N];

  DEVICE Places(const Strided<N>& plan, int64_t i) {
    unsigned rest = static_cast<unsigned>(i);
#pragma unroll
    for (int k = 0; k < N; k++) at[k] = 0;
    for (int d = plan.rank - 1; d > 0; d--) {
      const unsigned size = static_cast<unsigned>(plan.shape[d]), index = rest % size;
      rest /= size;
#pragma unroll
      for (int k = 0; k < N; k++) at[k] += index * plan.strides[k][d];
    }
    if (plan.rank > 1) i = rest;
#pragma unroll
    for (int k = 0; k < N; k++) at[k] += i * plan.strides[k][0];
  }
};
constexpr int64_t kMostPlaces = UINT32_MAX;

template <int N, class F, class R, class... T, size_t... K>
DEVICE void computeFew(F f, const Strided<sizeof...(T) + 1>& plan, int64_t i, std::index_sequence<K...>, R* y, const T*... x) {
  const Places<sizeof...(T) + 1> places(plan, i);
  const std::tuple<Few<T, N>...> from(repeatOrRead<N>(x + places.at[K + 1], N > 1 && plan.strides[K + 1][plan.rank - 1] == 0)...);
  Few<R, N> to;
#pragma unroll
  for (int j = 0; j < N; j++) to.of[j] = static_cast<R>(f(static_cast<Computed<T>>(std::get<K>(from).of[j])...));
  writeFew(y + places.at[0], to);
}

template <int N, class F, class R, class... T>
__global__ void __launch_bounds__(256)
    computeElements(F f, int64_t count, Strided<sizeof...(T) + 1> plan, R* __restrict__ y, const T*... x) {
  FOR_EACH(pack, (count + N - 1) / N) {
    const int64_t i = pack * N;
    if (i + N <= count) computeFew<N>(f, plan, i, std::index_sequence_for<T...>(), y, x...);
    else
      for (int64_t j = i; j < count; j++) computeFew<1>(f, plan, j, std::index_sequence_for<T...>(), y, x...);
  }
}

// Whether packs of N lie within the rows of a plan, of each operand at a multiple of their size.
template <int N, class... T, int M> bool inPacks(const Strided<M>& plan, const void* const (&data)[M]) {
  const size_t bytes[] = {sizeof(T)...};
  bool fits = plan.rank == 1 || plan.shape[plan.rank - 1] % N == 0;
  for (int k = 0; k < M; k++) {
    const int64_t step = plan.step(k);
    fits &= step == 1 ? aligned(data[k], N * bytes[k]) : step == 0 && k > 0;
    for (int d = 0; d < plan.rank - 1; d++) fits &= step == 0 || plan.strides[k][d] % N == 0;
  }
  return fits;
}

template <class R, class... T, class F>
void computeAlong(const Strided<sizeof...(T) + 1>& plan, F f, R* y, decltype((const T*)nullptr)... x);

// Each index of the outermost dimension by itself.
template <class R, class... T, class F, size_t... K>
void computeInParts(const Strided<sizeof...(T) + 1>& plan, F f, std::index_sequence<K...>, R* y, decltype((const T*)nullptr)... x) {
  constexpr int M = sizeof...(T) + 1;
  Strided<M> part;
  for (int d = 1; d < plan.rank; d++) {
    int64_t steps[M];
    for (int k = 0; k < M; k++) steps[k] = plan.strides[k][d];
    part.push(plan.shape[d], steps);
  }
  for (int64_t i = 0; i < plan.shape[0]; i++)
    computeAlong<R, T...>(part, f, y + i * plan.strides[0][0], (x + i * plan.strides[K + 1][0])...);
}

// Walks a plan of y and the inputs.
template <class R, class... T, class F>
void computeAlong(const Strided<sizeof...(T) + 1>& plan, F f, R* y, decltype((const T*)nullptr)... x) {
  constexpr int N = packOf<R, T...>();
  int64_t count = 1;
  for (int d = 0; d < plan.rank; d++) count *= plan.shape[d];
  if (!count) return;
  if (plan.rank > 1 && count > kMostPlaces) return computeInParts<R, T...>(plan, f, std::index_sequence_for<T...>(), y, x...);
  using Kernel = void (*)(F, int64_t, Strided<sizeof...(T) + 1>, R*, const T*...);
  const bool packs = inPacks<N, R, T...>(plan, {y, x...});
  const Kernel kernel = packs ? Kernel(computeElements<N, F, R, T...>) : Kernel(computeElements<1, F, R, T...>);
  run(kernel, launchOver(packs ? (count + N - 1) / N : count), f, count, plan, y, x...);
}

// For all elements of y; the inputs, read as T..., are broadcast to it as in numpy and handed to f as numbers: halves as floats.
template <class R, class... T, class F, class... Views> void compute(F f, const View& y, const Views&... x) {
  computeAlong<R, T...>(broadcast(y, y, x...), f, y.template as<R>(), x.template as<const T>()...);
}

struct Same {
  template <class T> DEVICE T operator()(T x) const { return x; }
};

}  // namespace
}  // namespace lowbit
