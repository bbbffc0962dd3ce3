// dw[o, p, q, c] = Σ dy[n, i, j, o]·x[n, i·sh + p·dh − top, j·sw + q·dw − left, c] over the pixels (n, i, j) in order, x being 0 outside
// the image. The pixels are cut into chunks (core/chunks.h): one fused multiply-add a step from 0 within a chunk, then the sums of the
// chunks are added in order.
#include "../../core/fusedSums.h"
#include "../../core/types.h"
#include "../../cpu/pool.h"
#include "weightGrad.h"

namespace lowbit {
namespace {

template <class T> struct Sources {
  const T *dy, *x;
};

// Up to kTogether neighbouring channels from c on, of one tap (r, s) of output o.
template <class T>
void chunkTogether(const WeightGrad& p, Sources<T> from, int64_t chunk, int64_t o, int64_t r, int64_t s, int64_t c,
                   T (&values)[kTogether]) {
  const T zero = 0;
  const T *channels[kTogether], *outside[kTogether];
  for (int64_t k = 0; k < kTogether; k++) {
    channels[k] = from.x + o / p.groupOut * p.groupIn + (c + k < p.groupIn ? c + k : p.groupIn - 1);
    outside[k] = &zero;
    values[k] = 0;
  }
  FusedSums<T> sums(values);
  for (int64_t pixel = p.chunks.first(chunk); pixel < p.chunks.first(chunk + 1); pixel += p.width) {
    const int64_t line = pixel / p.width, row = p.rows.start(line % p.height) + r * p.rows.dilation;
    const int64_t first = (line / p.height * p.rows.input + row) * p.columns.input;
    for (int64_t j = 0; j < p.width; j++) {
      const int64_t column = p.columns.start(j) + s * p.columns.dilation;
      const bool inside = row >= 0 && row < p.rows.input && column >= 0 && column < p.columns.input;
      sums.add(from.dy[(pixel + j) * p.out + o], inside ? channels : outside, inside ? (first + column) * p.channels : 0);
    }
  }
  sums.store(values);
}

template <class T> void weightGradOf(const WeightGrad& p, Sources<T> from, T* dw) {
  const int64_t kernelWidth = p.columns.kernel, parts = (p.groupIn + kTogether - 1) / kTogether, taps = p.rows.kernel * kernelWidth;
  parallel(p.out * taps * parts, 1 + 4096 / (p.chunks.lines * p.width * kTogether + 1), [=](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) {
      const int64_t c = part % parts * kTogether, tap = part / parts % taps, o = part / parts / taps;
      T* to = dw + (o * taps + tap) * p.groupIn + c;
      for (int64_t chunk = 0; chunk < p.chunks.count; chunk++) {
        T values[kTogether];
        chunkTogether(p, from, chunk, o, tap / kernelWidth, tap % kernelWidth, c, values);
        for (int64_t k = 0; k < kTogether && c + k < p.groupIn; k++) to[k] = chunk ? to[k] + values[k] : values[k];
      }
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
