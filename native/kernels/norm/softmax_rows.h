// Softmax and its gradients along the last axis of float32, a line at a time; a line is read from memory once.
#pragma once
#include "../../core/check.h"
#include "../../cpu/f32/lines.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

// body(start, length) for the lines of a tensor; false where they do not lie along the last axis or are not float32.
template <class F> bool eachLine(const View& x, int64_t axis, F body) {
  if (x.dtype != Dtype::float32 || (axis != -1 && axis != x.rank - 1)) return false;
  const int64_t length = x.dim(-1);
  if (!x.size()) return true;
  parallel(x.size() / length, 2048 / length + 1, [=](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; line++) body(line * length, length);
  });
  return true;
}

bool softmaxLines(const softmax_call& c) {
  return eachLine(c.x, c.axis.integer(), [&c](int64_t start, int64_t length) {
    const float* x = c.x.as<float>() + start;
    float* y = c.y.as<float>() + start;
    const double sum = sumOfPowers(x, length, largestOf(x, length), y);
    const Vector factor = repeat(static_cast<float>(1 / sum));
    eachVector(length, [&](auto, int64_t at, const Lanes& lanes) { lanes.store(y + at, lanes.load(y + at) * factor); });
  });
}

bool logSoftmaxLines(const logSoftmax_call& c) {
  return eachLine(c.x, c.axis.integer(), [&c](int64_t start, int64_t length) {
    const float* x = c.x.as<float>() + start;
    float* y = c.y.as<float>() + start;
    const float most = largestOf(x, length);
    const Wide first = repeatWide(most), second = repeatWide(log(sumOfPowers(x, length, most, nullptr)));
    eachVector(length,
               [&](auto, int64_t at, const Lanes& lanes) { lanes.store(y + at, narrow(widen(lanes.load(x + at)) - first - second)); });
  });
}

bool softmaxGradLines(const softmaxGrad_call& c) {
  return eachLine(c.y, c.axis.integer(), [&c](int64_t start, int64_t length) {
    const float *dy = c.dy.as<float>() + start, *y = c.y.as<float>() + start;
    float* dx = c.dx.as<float>() + start;
    Sums sums;
    eachVector(length, [&](auto slot, int64_t at, const Lanes& lanes) {
      sums.addProduct(slot, widen(lanes.load(dy + at)), widen(lanes.load(y + at)));
    });
    const Vector mean = repeat(static_cast<float>(sums.total()));
    eachVector(length,
               [&](auto, int64_t at, const Lanes& lanes) { lanes.store(dx + at, lanes.load(y + at) * (lanes.load(dy + at) - mean)); });
  });
}

bool logSoftmaxGradLines(const logSoftmaxGrad_call& c) {
  return eachLine(c.y, c.axis.integer(), [&c](int64_t start, int64_t length) {
    const float *dy = c.dy.as<float>() + start, *y = c.y.as<float>() + start;
    float* dx = c.dx.as<float>() + start;
    Sums sums;
    eachVector(length, [&](auto slot, int64_t at, const Lanes& lanes) { sums.add(slot, widen(lanes.load(dy + at))); });
    const Vector opposite = repeat(-static_cast<float>(sums.total()));
    eachVector(length, [&](auto, int64_t at, const Lanes& lanes) {
      lanes.store(dx + at, multiplyAdd(exponential(lanes.load(y + at)), opposite, lanes.load(dy + at)));
    });
  });
}

}  // namespace
}  // namespace lowbit
