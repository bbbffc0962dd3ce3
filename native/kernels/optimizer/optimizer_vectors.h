// The updates of rules.h a vector at a time, in one pass over parameters and state; memory is the limit.
#pragma once
#include "../../core/scratch.h"
#include "../../core/unroll.h"
#include "../../cpu/f32/stream.h"
#include "../../cpu/f32/wide.h"
#include "rules.h"

namespace lowbit {
namespace {

static bool sgdVectors(const sgdUpdate_call& c) {
  const int64_t size = c.parameter.size();
  EXPECT(isFloats(c.parameter, size) && isFloats(c.gradient, size) && isControl(c.control));
  if (isLeftOut(c.control)) return true;
  const SgdRule rule(c);
  float *parameters = c.parameter.as<float>(), *velocities = c.velocity.as<float>();
  const float* gradients = c.gradient.as<float>();
  if (rule.momentum == 0) {
    streamVectors(size, [=](int64_t i, Lanes lanes) {
      Vector parameter = lanes.load(parameters + i);
      rule.step(parameter, lanes.load(gradients + i));
      lanes.store(parameters + i, parameter);
    });
    return true;
  }
  EXPECT(isFloats(c.velocity, size));
  streamVectors(size, [=](int64_t i, Lanes lanes) {
    Vector parameter = lanes.load(parameters + i), velocity = lanes.load(velocities + i);
    rule.step(parameter, lanes.load(gradients + i), velocity);
    lanes.store(parameters + i, parameter);
    lanes.store(velocities + i, velocity);
  });
  return true;
}

static bool adamVectors(const adamUpdate_call& c) {
  const int64_t size = c.parameter.size();
  EXPECT(isFloats(c.parameter, size) && isFloats(c.gradient, size) && isFloats(c.m, size) && isFloats(c.v, size) && isControl(c.control));
  if (isLeftOut(c.control)) return true;
  const AdamRule rule(c);
  float *parameters = c.parameter.as<float>(), *means = c.m.as<float>(), *squares = c.v.as<float>();
  const float* gradients = c.gradient.as<float>();
  streamVectors(size, [=](int64_t i, Lanes lanes) {
    Vector parameter = lanes.load(parameters + i), m = lanes.load(means + i), v = lanes.load(squares + i);
    rule.step(parameter, lanes.load(gradients + i), m, v);
    lanes.store(parameters + i, parameter);
    lanes.store(means + i, m);
    lanes.store(squares + i, v);
  });
  return true;
}

static bool movingAverageVectors(const movingAverage_call& c) {
  const int64_t size = c.average.size(), first = c.row.integer() * size;
  EXPECT(isFloats(c.average, size) && c.value.dtype == Dtype::float32 && first >= 0 && first + size <= c.value.size());
  EXPECT(isControl(c.control));
  if (isLeftOut(c.control)) return true;
  const AverageRule rule(c);
  float* averages = c.average.as<float>();
  const float* values = c.value.as<float>() + first;
  streamVectors(size, [=](int64_t i, Lanes lanes) {
    Vector average = lanes.load(averages + i);
    rule.step(average, lanes.load(values + i));
    lanes.store(averages + i, average);
  });
  return true;
}

static double squaresOfVectors(const float* x, int64_t count) {
  constexpr int kVectors = kSumLanes / kWidth;
  Wide sums[kVectors];
  each<kVectors>([&](auto v) { sums[v] = repeatWide(0); });
  auto add = [&](const float* from, int64_t left) {
    each<kVectors>([&](auto v) {
      const int64_t lanes = left - v * kWidth;
      const Wide wide = widen(Lanes(lanes < 0 ? 0 : lanes).load(from + v * kWidth));
      sums[v] = multiplyAdd(wide, wide, sums[v]);
    });
  };
  int64_t i = 0;
  for (; i + kSumLanes <= count; i += kSumLanes) add(x + i, kSumLanes);
  if (i < count) add(x + i, count - i);
  double lanes[kSumLanes], sum = 0;
  each<kVectors>([&](auto v) { storeWide(lanes + v * kWidth, sums[v]); });
  for (int64_t lane = 0; lane < kSumLanes; lane++) sum += lanes[lane];
  return sum;
}

static bool sumSquaresVectors(const sumSquares_call& c) {
  double* chunkSums = static_cast<double*>(scratch(chunkSumBytes(c.xs)));
  double sum = 0;
  for (int i = 0; i < c.xs.count; i++) sum = addSquares(sum, c.xs[i], chunkSums, squaresOfVectors);
  c.y.as<float>()[0] = static_cast<float>(sum);
  return true;
}

}  // namespace
}  // namespace lowbit
