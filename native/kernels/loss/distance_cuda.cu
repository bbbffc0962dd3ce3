// Distances on the card with the formulas of distance_reference.cc and its order of sums: 16 lanes a chunk. Reading memory is the limit.
#include "../../core/arithmetic.h"
#include "../../cuda/reduce.cuh"
#include "../../op.h"
#include "total.cuh"

namespace lowbit {
namespace {

constexpr int64_t kChunk = 4096;

template <class T> struct SquaredError {
  const T *x, *target;
  DEVICE double operator()(int64_t i) const {
    const double difference = static_cast<double>(x[i]) - static_cast<double>(target[i]);
    return difference * difference;
  }
};

template <class T> struct Divergence {
  const T *logP, *target;
  DEVICE double operator()(int64_t i) const {
    const double t = target[i];
    return t == 0 ? 0 : t * (log(t) - static_cast<double>(logP[i]));
  }
};

template <class Term> __global__ void sumChunks(Term term, int64_t size, double* __restrict__ sums) {
  eachLine(ceilDiv(size, kChunk), kChunk, [&](int64_t chunk, int lane, int64_t n) {
    const int64_t first = chunk * kChunk, end = n ? smaller(first + n, size) : 0;
    double part = 0;
#pragma unroll 4
    for (int64_t i = first + lane; i < end; i += kLineLanes) part += term(i);
    const double sum = foldLanes(part);
    if (n && lane == 0) sums[chunk] = sum;
  });
}

// loss = Σ term(i) / divisor
template <class T, class Term> void meanOf(Term term, int64_t size, int64_t divisor, const View& loss) {
  const int64_t chunks = ceilDiv(size, kChunk);
  const CardScratch sums(static_cast<size_t>(chunks + 1) * sizeof(double));
  if (chunks) run(sumChunks<Term>, launchOfLines(chunks), term, size, sums.as<double>());
  totalOf<T>(sums, chunks, 1, static_cast<double>(divisor), loss);
}

template <class T>
__global__ void errorGradients(const T* __restrict__ dy, const T* __restrict__ x, const T* __restrict__ target, int64_t size,
                               T* __restrict__ dx) {
  const double factor = 2 * static_cast<double>(dy[0]) / static_cast<double>(size);
  FOR_EACH(i, size) dx[i] = static_cast<T>((static_cast<double>(x[i]) - static_cast<double>(target[i])) * factor);
}

}  // namespace

bool meanSquaredError_cuda(const meanSquaredError_call& c) {
  return asFloating(c.x.dtype, [&]<class T>(T) {
    meanOf<T>(SquaredError<T>{c.x.as<T>(), c.target.as<T>()}, c.x.size(), c.x.size(), c.loss);
  });
}

bool meanSquaredErrorGrad_cuda(const meanSquaredErrorGrad_call& c) {
  return asFloating(c.x.dtype, [&]<class T>(T) {
    const int64_t size = c.x.size();
    if (size) run(errorGradients<T>, launchOver(size), c.dy.as<T>(), c.x.as<T>(), c.target.as<T>(), size, c.dx.as<T>());
  });
}

bool klDivergence_cuda(const klDivergence_call& c) {
  return asFloating(c.logP.dtype, [&]<class T>(T) {
    meanOf<T>(Divergence<T>{c.logP.as<T>(), c.target.as<T>()}, c.logP.size(), c.logP.shape[0], c.loss);
  });
}

}  // namespace lowbit
