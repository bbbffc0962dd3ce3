// dw[o, p, q, c] = Σ dy[n, i, j, o]·x[n, i·sh + p·dh − top, j·sw + q·dw − left, c] over the pixels (n, i, j) in order, x being 0 outside
// the image. The pixels are cut into chunks (core/chunks.h): one fused multiply-add a step from 0 within a chunk, then the sums of the
// chunks are added in order.
#include <cmath>

#include "../../core/types.h"
#include "../../cpu/pool.h"
#include "weightGrad.h"

namespace lowbit {
namespace {

template <class T> struct Sources {
  const T *dy, *x;
};

template <class T> T chunkSum(const WeightGrad& p, Sources<T> from, int64_t chunk, int64_t o, int64_t r, int64_t s, int64_t c) {
  T sum = 0;
  for (int64_t pixel = p.chunks.first(chunk); pixel < p.chunks.first(chunk + 1); pixel++) {
    const int64_t n = pixel / p.width / p.height;
    const int64_t row = p.rows.start(pixel / p.width % p.height) + r * p.rows.dilation;
    const int64_t column = p.columns.start(pixel % p.width) + s * p.columns.dilation;
    const bool inside = row >= 0 && row < p.rows.input && column >= 0 && column < p.columns.input;
    const int64_t at = ((n * p.rows.input + row) * p.columns.input + column) * p.channels + o / p.groupOut * p.groupIn + c;
    sum = std::fma(inside ? from.x[at] : T(0), from.dy[pixel * p.out + o], sum);
  }
  return sum;
}

template <class T> void weightGradOf(const WeightGrad& p, Sources<T> from, T* dw) {
  const int64_t kernelWidth = p.columns.kernel;
  parallel(p.out * p.depth(), 1 + 4096 / (p.chunks.lines * p.width + 1), [=](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) {
      const int64_t c = at % p.groupIn, tap = at / p.groupIn % (p.rows.kernel * kernelWidth), o = at / p.depth();
      T sum = chunkSum(p, from, 0, o, tap / kernelWidth, tap % kernelWidth, c);
      for (int64_t chunk = 1; chunk < p.chunks.count; chunk++) sum += chunkSum(p, from, chunk, o, tap / kernelWidth, tap % kernelWidth, c);
      dw[at] = sum;
    }
  });
}

}  // namespace

bool conv2dWeightGrad_reference(const conv2dWeightGrad_call& call) {
  const WeightGrad p(call);
  if (call.dy.dtype == Dtype::float64) weightGradOf<double>(p, {call.dy.as<double>(), call.x.as<double>()}, call.dw.as<double>());
  else weightGradOf<float>(p, {call.dy.as<float>(), call.x.as<float>()}, call.dw.as<float>());
  return true;
}

}  // namespace lowbit
