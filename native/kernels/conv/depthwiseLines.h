// Depthwise convolution by windows of three columns and up to three rows: one vector of channels goes along a row of y. The window's
// pixels and weights are in registers, and a step to the next pixel loads only what is new, so that the multiply-add ports are the limit.
#pragma once
#include "../../core/finish.h"
#include "../../cpu/f32/tile.h"

namespace lowbit {
namespace {

// A vector of channels of one row of y.
struct Line {
  const float* x;  // column 0 of the first row under the window
  int64_t rowStep, columnStep, columns;
  int64_t firstColumn;   // under tap 0 of the first pixel; may be outside
  const float* weights;  // of the first row under the window, [row][3][weightStep]
  int64_t weightStep;
  const float* start;  // the sum of pixel m begins as start + m·startStep
  int64_t startStep;
  float* y;
  int64_t yStep, pixels;
  int64_t channels;
  Finish<float> finish;  // row m is pixel m
  const float* ahead;    // what is read later: each pixel fetches S·S cache lines of it
};

template <int R, int S> __attribute__((noinline)) void runLine(const Line& line) {
  const Lanes lanes(line.channels);
  const Vector low = repeat(line.finish.low), high = repeat(line.finish.high);
  Vector w[R * 3 + 1], x[R * 3 + 1];
  each<R * 3>([&](auto tap) { w[tap] = load(line.weights + tap * line.weightStep); });
  int64_t column = line.firstColumn;
  const float* next = line.x + column * line.columnStep;
  // Column k of the window; outside the image it is 0.
  const auto take = [&](auto k) {
    const bool isThere = static_cast<uint64_t>(column) < static_cast<uint64_t>(line.columns);
    if (isThere) each<R>([&](auto r) { x[r * 3 + k] = load(next + r * line.rowStep); });
    else each<R>([&](auto r) { x[r * 3 + k] = repeat(0); });
    column++;
    next += line.columnStep;
  };
  each<3 - S>([&](auto k) { take(Index<decltype(k){} + S>()); });
  for (int64_t m = 0; m < line.pixels; m++) {
    each<3 - S>([&](auto k) { each<R>([&](auto r) { x[r * 3 + k] = x[r * 3 + k + S]; }); });
    each<S>([&](auto k) { take(Index<decltype(k){} + 3 - S>()); });
    each<S * S>([&](auto k) { fetchFar(line.ahead + (m * S * S + k) * 16); });
    Vector sum = load(line.start + m * line.startStep);
    each<R * 3>([&](auto tap) { sum = multiplyAdd(x[tap], w[tap], sum); });
    if (line.finish.plus) sum = add(sum, lanes.load(line.finish.plus + m * line.finish.step));
    lanes.store(line.y + m * line.yStep, clipped(sum, low, high));
  }
}

template <int S> INLINE void runLineOf(int64_t rows, const Line& line) {
  if (rows == 0) runLine<0, S>(line);
  else if (rows == 1) runLine<1, S>(line);
  else if (rows == 2) runLine<2, S>(line);
  else runLine<3, S>(line);
}

}  // namespace
}  // namespace lowbit
