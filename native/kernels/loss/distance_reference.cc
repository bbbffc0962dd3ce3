// Distances of two tensors of one shape, in double. Elements are cut into chunks of 4096, each summed in the order of core/interleaved.h,
// and the chunks are added in order.
//   meanSquaredError  Σ (x − target)² / n           dx = 2·(x − target)·dy / n
//   klDivergence      Σ target·(log target − logP) / rows, where target is not 0
#include <algorithm>
#include <cmath>
#include <vector>

#include "../../core/arithmetic.h"
#include "../../core/interleaved.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "real.h"

namespace lowbit {
namespace {

constexpr int64_t kChunk = 4096;

// Σ term(i)
template <class F> double sumOf(int64_t size, F term) {
  std::vector<double> sums(static_cast<size_t>(ceilDiv(size, kChunk)));
  parallel(ceilDiv(size, kChunk), 4, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; chunk++) {
      InterleavedSum sum;
      for (int64_t i = chunk * kChunk; i < std::min((chunk + 1) * kChunk, size); i++) sum.add(i, term(i));
      sums[chunk] = sum.total();
    }
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

bool meanSquaredError_reference(const meanSquaredError_call& c) {
  return withFloat(c.x.dtype, [&]<class T>(T) {
    const T *x = c.x.as<T>(), *target = c.target.as<T>();
    const double sum = sumOf(c.x.size(), [=](int64_t i) {
      const double difference = static_cast<double>(x[i]) - static_cast<double>(target[i]);
      return difference * difference;
    });
    c.loss.as<T>()[0] = static_cast<T>(sum / static_cast<double>(c.x.size()));
  });
}

bool meanSquaredErrorGrad_reference(const meanSquaredErrorGrad_call& c) {
  return withFloat(c.x.dtype, [&]<class T>(T) {
    const T *x = c.x.as<T>(), *target = c.target.as<T>();
    T* dx = c.dx.as<T>();
    const double factor = 2 * static_cast<double>(c.dy.as<T>()[0]) / static_cast<double>(c.x.size());
    parallel(c.x.size(), kElementGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) dx[i] = static_cast<T>((static_cast<double>(x[i]) - static_cast<double>(target[i])) * factor);
    });
  });
}

bool klDivergence_reference(const klDivergence_call& c) {
  return withFloat(c.logP.dtype, [&]<class T>(T) {
    const T *logP = c.logP.as<T>(), *target = c.target.as<T>();
    const double sum = sumOf(c.logP.size(), [=](int64_t i) {
      const double t = target[i];
      return t == 0 ? 0 : t * (std::log(t) - static_cast<double>(logP[i]));
    });
    c.loss.as<T>()[0] = static_cast<T>(sum / static_cast<double>(c.logP.shape[0]));
  });
}

}  // namespace lowbit
