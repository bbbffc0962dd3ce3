// Updates in place: the first input and the state beside it are written through their views (rules.h has the formulas).
#include "../../core/scratch.h"
#include "rules.h"

namespace lowbit {
namespace {

template <class F> void eachIndex(int64_t size, F body) {
  parallel(size, kElementGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) body(i);
  });
}

double squaresOf(const float* x, int64_t count) {
  double lanes[kSumLanes] = {}, sum = 0;
  for (int64_t i = 0; i < count; i++) lanes[i % kSumLanes] = fused(double{x[i]}, double{x[i]}, lanes[i % kSumLanes]);
  for (double lane : lanes) sum += lane;
  return sum;
}

}  // namespace

bool sgdUpdate_reference(const sgdUpdate_call& c) {
  const int64_t size = c.parameter.size();
  EXPECT(isFloats(c.parameter, size) && isFloats(c.gradient, size) && isControl(c.control));
  if (isLeftOut(c.control)) return true;
  const SgdRule rule(c);
  float *parameter = c.parameter.as<float>(), *velocity = c.velocity.as<float>();
  const float* gradient = c.gradient.as<float>();
  if (rule.momentum == 0) {
    eachIndex(size, [=](int64_t i) { rule.step(parameter[i], gradient[i]); });
    return true;
  }
  EXPECT(isFloats(c.velocity, size));
  eachIndex(size, [=](int64_t i) { rule.step(parameter[i], gradient[i], velocity[i]); });
  return true;
}

bool adamUpdate_reference(const adamUpdate_call& c) {
  const int64_t size = c.parameter.size();
  EXPECT(isFloats(c.parameter, size) && isFloats(c.gradient, size) && isFloats(c.m, size) && isFloats(c.v, size) && isControl(c.control));
  if (isLeftOut(c.control)) return true;
  const AdamRule rule(c);
  float *parameter = c.parameter.as<float>(), *m = c.m.as<float>(), *v = c.v.as<float>();
  const float* gradient = c.gradient.as<float>();
  eachIndex(size, [=](int64_t i) { rule.step(parameter[i], gradient[i], m[i], v[i]); });
  return true;
}

bool movingAverage_reference(const movingAverage_call& c) {
  const int64_t size = c.average.size(), first = c.row.integer() * size;
  EXPECT(isFloats(c.average, size) && c.value.dtype == Dtype::float32 && first >= 0 && first + size <= c.value.size());
  EXPECT(isControl(c.control));
  if (isLeftOut(c.control)) return true;
  const AverageRule rule(c);
  float* average = c.average.as<float>();
  const float* value = c.value.as<float>() + first;
  eachIndex(size, [=](int64_t i) { rule.step(average[i], value[i]); });
  return true;
}

bool assign_reference(const assign_call& c) {
  const int64_t size = c.x.size();
  EXPECT(isFloats(c.x, size) && isFloats(c.value, size) && isControl(c.control));
  if (isLeftOut(c.control)) return true;
  float* to = c.x.as<float>();
  const float* from = c.value.as<float>();
  eachIndex(size, [=](int64_t i) { to[i] = from[i]; });
  return true;
}

bool sumSquares_reference(const sumSquares_call& c) {
  double* chunkSums = static_cast<double*>(scratch(chunkSumBytes(c.xs)));
  double sum = 0;
  for (int i = 0; i < c.xs.count; i++) sum = addSquares(sum, c.xs[i], chunkSums, squaresOf);
  c.y.as<float>()[0] = static_cast<float>(sum);
  return true;
}

bool updateControl_reference(const updateControl_call& c) {
  EXPECT(isFloats(c.norm2, 1) && isFloats(c.loss, 1) && isSchedule(c.schedule) && isControl(c.y));
  putControl(c.y.as<float>(), c.norm2.as<float>()[0], c.loss.as<float>()[0], c.schedule.as<double>(), c.factor, c.maxNorm);
  return true;
}

}  // namespace lowbit
