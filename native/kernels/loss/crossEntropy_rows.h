// Cross entropy with labels on float32, a row of logits at a time, in vectors.
#pragma once
#include <math.h>
#include <string.h>

#include "../../core/check.h"
#include "../../core/scratch.h"
#include "../../cpu/f32/lines.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "labels.h"

namespace lowbit {
namespace {

template <class F> void eachRow(int64_t rows, int64_t classes, F body) {
  parallel(rows, 4096 / (classes + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) body(row);
  });
}

INLINE double lossOf(const float* x, int64_t classes, int64_t label, double smoothing) {
  const float most = largestOf(x, classes);
  const double loss =
      log(sumOfPowers(x, classes, most, nullptr)) - (1 - smoothing) * (static_cast<double>(x[label]) - static_cast<double>(most));
  if (smoothing == 0) return loss;
  Sums sums;
  eachVector(classes,
             [&](auto slot, int64_t at, const Lanes& lanes) { sums.add(slot, keep(lanes, widen(lanes.load(x + at)) - repeatWide(most))); });
  return loss - smoothing / static_cast<double>(classes) * sums.total();
}

bool crossEntropyRows(const crossEntropy_call& c) {
  if (c.logits.dtype != Dtype::float32) return false;
  const int64_t rows = c.logits.shape[0], classes = c.logits.shape[1], ignored = c.ignoreIndex.integer();
  const int64_t count = countLabels(c.labels, classes, ignored);
  const double smoothing = c.labelSmoothing;
  double* const losses = static_cast<double*>(scratch(static_cast<size_t>(rows + 1) * sizeof(double)));
  eachRow(rows, classes, [&](int64_t row) {
    const int64_t label = labelAt(c.labels, row);
    losses[row] = label == ignored ? 0 : lossOf(c.logits.as<float>() + row * classes, classes, label, smoothing);
  });
  double sum = 0;
  for (int64_t row = 0; row < rows; row++) sum += losses[row];
  c.loss.as<float>()[0] = static_cast<float>(sum / static_cast<double>(count));
  return true;
}

bool crossEntropyGradRows(const crossEntropyGrad_call& c) {
  if (c.logits.dtype != Dtype::float32) return false;
  const int64_t rows = c.logits.shape[0], classes = c.logits.shape[1], ignored = c.ignoreIndex.integer();
  const int64_t count = countLabels(c.labels, classes, ignored);
  const double smoothing = c.labelSmoothing;
  const float g = static_cast<float>(static_cast<double>(c.dy.as<float>()[0]) / static_cast<double>(count));
  const float on = static_cast<float>(1 - smoothing), off = static_cast<float>(smoothing / static_cast<double>(classes));
  eachRow(rows, classes, [&](int64_t row) {
    const float* x = c.logits.as<float>() + row * classes;
    float* dx = c.dx.as<float>() + row * classes;
    const int64_t label = labelAt(c.labels, row);
    if (label == ignored) {
      memset(dx, 0, static_cast<size_t>(classes) * sizeof(float));
      return;
    }
    const float inverse = static_cast<float>(1 / sumOfPowers(x, classes, largestOf(x, classes), dx));
    const float atLabel = (__builtin_fmaf(dx[label], inverse, -off) - on) * g;
    eachVector(classes, [&](auto, int64_t at, const Lanes& lanes) {
      lanes.store(dx + at, multiplyAdd(lanes.load(dx + at), repeat(inverse), repeat(-off)) * repeat(g));
    });
    dx[label] = atLabel;
  });
  return true;
}

}  // namespace
}  // namespace lowbit
