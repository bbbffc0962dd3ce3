// Updates in place on the card (cpu/f32/updateRules.h and rules.h have the formulas), in one pass over parameters and state; memory is the
// limit. What the control says is known on the card alone, so each kernel looks at it.
#include "../../core/arithmetic.h"
#include "../../cuda/few.cuh"
#include "../../cuda/reduce.cuh"
#include "rules.h"

namespace lowbit {
namespace {

template <bool momentum>
__global__ void sgdSteps(float* __restrict__ parameters, const float* __restrict__ gradients, float* __restrict__ velocities,
                         const float* __restrict__ control, int64_t size, SgdConstants constants) {
  if (isLeftOut(control)) return;
  const SgdRule rule(constants, control);
  eachFew(size, [&](int64_t i, auto width) {
    auto parameter = readFew<width>(parameters + i);
    const auto gradient = readFew<width>(gradients + i);
    if constexpr (momentum) {
      auto velocity = readFew<width>(velocities + i);
      for (int k = 0; k < width; k++) rule.step(parameter.of[k], gradient.of[k], velocity.of[k]);
      writeFew(velocities + i, velocity);
    } else {
      for (int k = 0; k < width; k++) rule.step(parameter.of[k], gradient.of[k]);
    }
    writeFew(parameters + i, parameter);
  });
}

__global__ void adamSteps(float* __restrict__ parameters, const float* __restrict__ gradients, float* __restrict__ means,
                          float* __restrict__ squares, const float* __restrict__ control, int64_t size, AdamConstants constants) {
  if (isLeftOut(control)) return;
  const AdamRule rule(constants, control);
  eachFew(size, [&](int64_t i, auto width) {
    auto parameter = readFew<width>(parameters + i), m = readFew<width>(means + i), v = readFew<width>(squares + i);
    const auto gradient = readFew<width>(gradients + i);
    for (int k = 0; k < width; k++) rule.step(parameter.of[k], gradient.of[k], m.of[k], v.of[k]);
    writeFew(parameters + i, parameter);
    writeFew(means + i, m);
    writeFew(squares + i, v);
  });
}

// Rows of statistics, small and not always aligned.
__global__ void averageSteps(float* __restrict__ average, const float* __restrict__ value, const float* __restrict__ control, int64_t size,
                             AverageRule rule) {
  if (isLeftOut(control)) return;
  FOR_EACH(i, size) rule.step(average[i], value[i]);
}

__global__ void assignAll(float* __restrict__ to, const float* __restrict__ from, const float* __restrict__ control, int64_t size) {
  if (isLeftOut(control)) return;
  eachFew(size, [&](int64_t i, auto width) { writeFew(to + i, readFew<width>(from + i)); });
}

__global__ void putControlOnCard(float* y, const float* norm2, const float* loss, const double* schedule, double factor, double maxNorm) {
  putControl(y, norm2[0], loss[0], schedule, factor, maxNorm);
}

// Tensors whose squares one launch sums, a row of blocks each.
struct Squared {
  static constexpr int kMost = 64;
  const float* x[kMost];
  int64_t size[kMost];
  double* chunkSums[kMost];
};

__global__ void squareChunks(Squared tensors) {
  const float* x = tensors.x[blockIdx.y];
  const int64_t size = tensors.size[blockIdx.y];
  eachLine(ceilDiv(size, kSumChunk), kSumChunk, [&](int64_t chunk, int lane, int64_t n) {
    const int64_t first = chunk * kSumChunk, end = n ? smaller(first + n, size) : 0;
    double part = 0, sum = 0;
#pragma unroll 8
    for (int64_t i = first + lane; i < end; i += kLineLanes) part = fused(static_cast<double>(x[i]), static_cast<double>(x[i]), part);
    for (int other = 0; other < kLineLanes; other++) sum += __shfl_sync(kAllLanes, part, other, kLineLanes);
    if (n && lane == 0) tensors.chunkSums[blockIdx.y][chunk] = sum;
  });
}
static_assert(kLineLanes == kSumLanes);

__global__ void joinSquares(const double* __restrict__ chunkSums, int64_t chunks, float* __restrict__ y) {
  const double sum = sumInOrder(chunkSums, chunks);
  if (threadIdx.x == 0) y[0] = static_cast<float>(sum);
}

}  // namespace

bool sgdUpdate_cuda(const sgdUpdate_call& c) {
  const int64_t size = c.parameter.size();
  const SgdConstants constants(c);
  const bool momentum = constants.momentum != 0;
  EXPECT(isFloats(c.parameter, size) && isFloats(c.gradient, size) && isControl(c.control));
  EXPECT(!momentum || isFloats(c.velocity, size));
  run(momentum ? sgdSteps<true> : sgdSteps<false>, launchOverFew(size), c.parameter.as<float>(), c.gradient.as<float>(),
      c.velocity.as<float>(), c.control.as<float>(), size, constants);
  return true;
}

bool adamUpdate_cuda(const adamUpdate_call& c) {
  const int64_t size = c.parameter.size();
  EXPECT(isFloats(c.parameter, size) && isFloats(c.gradient, size) && isFloats(c.m, size) && isFloats(c.v, size) && isControl(c.control));
  run(adamSteps, launchOverFew(size), c.parameter.as<float>(), c.gradient.as<float>(), c.m.as<float>(), c.v.as<float>(),
      c.control.as<float>(), size, AdamConstants(c));
  return true;
}

bool movingAverage_cuda(const movingAverage_call& c) {
  const int64_t size = c.average.size(), first = c.row.integer() * size;
  EXPECT(isFloats(c.average, size) && c.value.dtype == Dtype::float32 && first >= 0 && first + size <= c.value.size());
  EXPECT(isControl(c.control));
  run(averageSteps, launchOver(size), c.average.as<float>(), c.value.as<float>() + first, c.control.as<float>(), size, AverageRule(c));
  return true;
}

bool assign_cuda(const assign_call& c) {
  const int64_t size = c.x.size();
  EXPECT(isFloats(c.x, size) && isFloats(c.value, size) && isControl(c.control));
  run(assignAll, launchOverFew(size), c.x.as<float>(), c.value.as<float>(), c.control.as<float>(), size);
  return true;
}

bool sumSquares_cuda(const sumSquares_call& c) {
  int64_t chunks = 0;
  for (int i = 0; i < c.xs.count; i++) {
    EXPECT(c.xs[i].dtype == Dtype::float32);
    chunks += ceilDiv(c.xs[i].size(), kSumChunk);
  }
  const CardScratch sums(static_cast<size_t>(chunks + 1) * sizeof(double));
  double* next = sums.as<double>();
  for (int first = 0; first < c.xs.count; first += Squared::kMost) {
    Squared tensors;
    const int count = c.xs.count - first < Squared::kMost ? c.xs.count - first : Squared::kMost;
    int64_t most = 0;
    for (int i = 0; i < count; i++) {
      const View& x = c.xs[first + i];
      const int64_t own = ceilDiv(x.size(), kSumChunk);
      tensors.x[i] = x.as<float>();
      tensors.size[i] = x.size();
      tensors.chunkSums[i] = next;
      next += own;
      most = own > most ? own : most;
    }
    Launch launch = launchOfLines(most);
    launch.grid.y = static_cast<unsigned>(count);
    run(squareChunks, launch, tensors);
  }
  run(joinSquares, {dim3(1), dim3(kOrderedThreads)}, sums.as<double>(), chunks, c.y.as<float>());
  return true;
}

bool updateControl_cuda(const updateControl_call& c) {
  EXPECT(isFloats(c.norm2, 1) && isFloats(c.loss, 1) && isSchedule(c.schedule) && isControl(c.y));
  run(putControlOnCard, {dim3(1), dim3(1)}, c.y.as<float>(), c.norm2.as<float>(), c.loss.as<float>(), c.schedule.as<double>(), c.factor,
      c.maxNorm);
  return true;
}

}  // namespace lowbit
