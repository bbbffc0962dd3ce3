// The weight gradient of a convolution with one channel a group: dw[c][tap] = Σ dy[pixel][c]·x[pixel under the tap][c], vectors along
// the channels. The sums of up to kTaps taps and one vector of channels stay in registers while a line of pixels streams by; a step is
// one load and one multiply-add a tap, and both are limits.
#pragma once
#include "../../core/scratch.h"
#include "../../core/unroll.h"
#include "../../cpu/f32/vector.h"
#include "../../cpu/pool.h"
#include "weightGrad.h"

namespace lowbit {
namespace {

constexpr int kTaps = 9;
constexpr int64_t kDepthwiseGradGrain = 1 << 18;  // multiply-adds worth a thread: about 7 us

// Pixels of one line for which all taps are inside.
struct TapLine {
  const float *dy, *x;
  int64_t dyStep, xStep, pixels;
  const int64_t* offsets;  // of the taps, from x
  float* sums;             // [tap][kWidth]
};

template <int T> __attribute__((noinline)) void runTaps(const TapLine& line) {
  Vector sums[T];
  const float *x[T], *dy = line.dy;
  each<T>([&](auto t) {
    sums[t] = load(line.sums + t * kWidth);
    x[t] = line.x + line.offsets[t];
  });
  const int64_t xStep = line.xStep;
  for (int64_t k = 0, at = 0; k < line.pixels; k++, at += xStep, dy += line.dyStep) {
    const Vector d = load(dy);
    each<T>([&](auto t) { sums[t] = multiplyAdd(load(x[t] + at), d, sums[t]); });
  }
  each<T>([&](auto t) { Lanes(kWidth).store(line.sums + t * kWidth, sums[t]); });
}

template <int T = kTaps> INLINE void runTapsOf(int64_t taps, const TapLine& line) {
  if (taps == T) runTaps<T>(line);
  else if constexpr (T > 1) runTapsOf<T - 1>(taps, line);
}

struct DepthwiseGrad {
  const WeightGrad& p;
  const float *dy, *x;
  const int64_t* offsets;  // of the taps in x, from tap (0, 0)
  int64_t first, end;      // the pixels of a line that have all columns of taps

  int64_t taps() const { return p.rows.kernel * p.columns.kernel; }
  int64_t vectors() const { return ceilDiv(p.channels, kWidth); }

  // Adds line (n, i) of dy to the sums of channels from c on. Where a tap is outside, its x is 0.
  void addLine(int64_t n, int64_t i, int64_t c, float* sums) const {
    const float* d = dy + (n * p.height + i) * p.width * p.out + c;
    const int64_t origin = (n * p.rows.input + p.rows.start(i)) * p.columns.input * p.channels + c;
    const Inside rows = p.rows.taps(i);
    const bool allRows = rows.first == 0 && rows.end == p.rows.kernel;
    const int64_t begin = allRows ? first : p.width, stop = allRows ? end : p.width;
    const auto at = [&](int64_t j) { return origin + p.columns.start(j) * p.channels; };
    for (int64_t j = 0; j < begin; j++) addPixel(d + j * p.out, at(j), rows, p.columns.taps(j), sums);
    for (int64_t tap = 0; tap < taps() && begin < stop; tap += kTaps)
      runTapsOf(smaller(kTaps, taps() - tap),
                {d + begin * p.out, x + at(begin), p.out, p.columns.stride * p.channels, stop - begin, offsets + tap, sums + tap * kWidth});
    for (int64_t j = stop; j < p.width; j++) addPixel(d + j * p.out, at(j), rows, p.columns.taps(j), sums);
  }

  void addPixel(const float* d, int64_t at, const Inside& rows, const Inside& columns, float* sums) const {
    const Vector gradient = load(d);
    for (int64_t r = 0, tap = 0; r < p.rows.kernel; r++) {
      for (int64_t s = 0; s < p.columns.kernel; s++, tap++) {
        const bool inside = r >= rows.first && r < rows.end && s >= columns.first && s < columns.end;
        const Vector pixel = inside ? load(x + (at + offsets[tap])) : repeat(0);
        Lanes(kWidth).store(sums + tap * kWidth, multiplyAdd(pixel, gradient, load(sums + tap * kWidth)));
      }
    }
  }

  // Channels of the vectors [first, end), summed over one chunk.
  void sumChunk(int64_t chunk, int64_t first, int64_t end, float* sums) const {
    const int64_t step = taps() * kWidth;
    for (int64_t at = first * step; at < end * step; at++) sums[at] = 0;
    for (int64_t line = p.chunks.first(chunk) / p.width; line < p.chunks.first(chunk + 1) / p.width; line++)
      for (int64_t v = first; v < end; v++) addLine(line / p.height, line % p.height, v * kWidth, sums + v * step);
  }
};

static void depthwiseWeightGrad(const WeightGrad& p, const float* dy, const float* x, float* dw) {
  const int64_t taps = p.rows.kernel * p.columns.kernel, chunks = p.chunks.count;
  const int64_t vectors = ceilDiv(p.channels, kWidth), chunkFloats = vectors * taps * kWidth;
  float* const sums =
      static_cast<float*>(scratch(static_cast<size_t>(chunks * chunkFloats) * sizeof(float) + static_cast<size_t>(taps) * sizeof(int64_t)));
  int64_t* const offsets = reinterpret_cast<int64_t*>(sums + chunks * chunkFloats);
  for (int64_t tap = 0; tap < taps; tap++) {
    const int64_t row = tap / p.columns.kernel * p.rows.dilation, column = tap % p.columns.kernel * p.columns.dilation;
    offsets[tap] = (row * p.columns.input + column) * p.channels;
  }
  const int64_t lastTap = (p.columns.kernel - 1) * p.columns.dilation;
  const Inside head(p.columns.start(0), p.columns.stride, p.width, p.columns.input);
  const Inside tail(p.columns.start(0) + lastTap, p.columns.stride, p.width, p.columns.input);
  const DepthwiseGrad grad{p, dy, x, offsets, head.first < tail.end ? head.first : p.width, head.first < tail.end ? tail.end : p.width};
  const int64_t grain = 1 + kDepthwiseGradGrain * chunks / (p.chunks.lines * p.width * taps * kWidth + 1);
  parallel(chunks * vectors, grain, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin, next; at < end; at = next) {
      const int64_t chunk = at / vectors;
      next = smaller(end, (chunk + 1) * vectors);
      grad.sumChunk(chunk, at % vectors, next - chunk * vectors, sums + chunk * chunkFloats);
    }
  });
  for (int64_t c = 0; c < p.channels; c++) {
    for (int64_t tap = 0; tap < taps; tap++) {
      const float* of = sums + (c / kWidth * taps + tap) * kWidth + c % kWidth;
      float sum = of[0];
      for (int64_t chunk = 1; chunk < chunks; chunk++) sum += of[chunk * chunkFloats];
      dw[c * taps + tap] = sum;
    }
  }
}

}  // namespace
}  // namespace lowbit
