// Products of real numbers with packed low-bit weights: y[i, o] = bias[o] + Σ left[i, p]·f32(level·scale[o]), p ascending, one fused
// multiply-add a step, as gemm_reference and conv2d_reference have it. A block has kTile × kTile sums, a thread 4 × 4 of them; kDeep steps
// of p at a time wait in shared memory, weights unpacked and scaled. In this order it is bound by the multipliers of float32.
#include "../../cuda/windows.cuh"
#include "packed.cuh"
#include "unpacked.h"

namespace lowbit {
namespace {

constexpr int kTile = 64, kDeep = 16, kOwn = 4, kAcross = kTile / kOwn;

struct Factor {
  float value;
  bool counts;  // or the step is left out
};

struct RealRows {
  const float* data;
  int64_t rows;
  int depth;

  DEVICE RealRows of(int) const { return *this; }
  DEVICE Factor at(int64_t i, int p) const { return {i < rows ? data[i * depth + p] : 0, true}; }
};

// Row i is the window of output pixel i. Beside the image a factor is 0; above and below it there is none (kernels/conv/outputs.h).
struct RealWindows {
  const float* x;
  int64_t rows;
  Windows windows;

  DEVICE RealWindows of(int group) const { return {x + int64_t{group} * windows.depth, rows, windows}; }
  DEVICE Factor at(int64_t i, int p) const {
    if (i >= rows) return {0, false};
    const int pixel = static_cast<int>(i), line = windows.byColumns.quotient(pixel), image = windows.byRows.quotient(line);
    const int tap = windows.byDepth.quotient(p), r = windows.byKernelWidth.quotient(tap);
    const int row = windows.top(line - image * windows.rows) + r * windows.dilations[0];
    const int column = windows.left(pixel - line * windows.columns) + (tap - r * windows.kernel[1]) * windows.dilations[1];
    if (row < 0 || row >= windows.height) return {0, false};
    if (column < 0 || column >= windows.width) return {0, true};
    const int64_t at = (int64_t{image} * windows.height + row) * windows.width + column;
    return {x[at * windows.channels + (p - tap * windows.depth)], true};
  }
};

template <class Left>
__global__ void __launch_bounds__(kAcross* kAcross)
    multiplyReal(const Left lefts, const PackedRows allWeights, const float* __restrict__ bias, const float* __restrict__ scale,
                 float* __restrict__ y, int64_t rows, int outputs) {
  SHARED(float4, left, [kDeep][kAcross + 1]);
  SHARED(float4, right, [kDeep][kAcross + 1]);
  SHARED(unsigned, counting, [kTile]);  // of a row, the steps that count
  const Left own = lefts.of(static_cast<int>(blockIdx.z));
  const PackedRows weights = allWeights.of(blockIdx.z);
  const int thread = static_cast<int>(threadIdx.x), depth = weights.depth;
  const int64_t firstRow = int64_t{blockIdx.x} * kTile, firstColumn = int64_t{blockIdx.y} * kTile, firstOutput = blockIdx.z * weights.rows;
  const int ownColumn = thread % kAcross * kOwn, ownRow = thread / kAcross * kOwn;

  float sums[kOwn][kOwn];
#pragma unroll
  for (int j = 0; j < kOwn; j++) {
    const int64_t column = firstColumn + ownColumn + j;
    const float start = column < weights.rows ? bias[firstOutput + column] : 0;
#pragma unroll
    for (int i = 0; i < kOwn; i++) sums[i][j] = start;
  }
  for (int p = 0; p < depth; p += kDeep) {
    for (int i = thread; i < kTile * kDeep; i += kAcross * kAcross) {
      const int step = i % kDeep, row = i / kDeep;
      const Factor factor = p + step < depth ? own.at(firstRow + row, p + step) : Factor{0, false};
      reinterpret_cast<float*>(left[step])[row] = factor.value;
      const unsigned votes = __ballot_sync(0xffffffffu, factor.counts);
      if (step == 0) counting[row] = votes >> thread % 32 & 0xffff;
    }
    if (thread < kTile) {
      const int64_t column = firstColumn + thread;
      const uint4 chunk = weights.chunk(weights.row(column), p);
      const uint32_t words[4] = {chunk.x, chunk.y, chunk.z, chunk.w};
      const float factor = column < weights.rows ? scale[firstOutput + column] : 0;
#pragma unroll
      for (int k = 0; k < kDeep; k++)
        reinterpret_cast<float*>(right[k])[thread] = static_cast<float>(static_cast<int8_t>(words[k / 4] >> k % 4 * 8)) * factor;
    }
    __syncthreads();
    unsigned counts[kOwn];
#pragma unroll
    for (int i = 0; i < kOwn; i++) counts[i] = counting[ownRow + i];
#pragma unroll 4
    for (int k = 0; k < kDeep; k++) {
      const float4 l = left[k][ownRow / kOwn], r = right[k][ownColumn / kOwn];
      const float x[kOwn] = {l.x, l.y, l.z, l.w}, w[kOwn] = {r.x, r.y, r.z, r.w};
#pragma unroll
      for (int i = 0; i < kOwn; i++)
#pragma unroll
        for (int j = 0; j < kOwn; j++)
          if (counts[i] >> k & 1) sums[i][j] = __fmaf_rn(x[i], w[j], sums[i][j]);
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kOwn; i++)
#pragma unroll
    for (int j = 0; j < kOwn; j++) {
      const int64_t row = firstRow + ownRow + i, column = firstColumn + ownColumn + j;
      if (row < rows && column < weights.rows) y[row * outputs + firstOutput + column] = sums[i][j];
    }
}

template <class C, class Left> bool multiplyOnCard(const C& c, const Left& left, const PackedRows& weights, int64_t groups) {
  const int64_t outputs = c.y.dim(-1), blocks = ceilDiv(weights.rows, kTile);
  EXPECT(c.bias.size() == outputs);
  if (blocks > 65535 || groups > 65535) return false;
  const Launch launch{dim3(static_cast<unsigned>(ceilDiv(left.rows, kTile)), static_cast<unsigned>(blocks), static_cast<unsigned>(groups)),
                      dim3(kAcross * kAcross)};
  if (c.y.size())
    run(multiplyReal<Left>, launch, left, weights, c.bias.template as<float>(), c.scale.template as<float>(), c.y.template as<float>(),
        left.rows, outputs);
  return true;
}

}  // namespace

bool lowbitGemmFloat_cuda(const lowbitGemmFloat_call& c) {
  const int64_t depth = unpacked(c).b.shape[1], m = c.y.count(0, c.y.rank - 1);
  if (!holdsPairs(c.b)) return false;
  return multiplyOnCard(c, RealRows{c.a.as<float>(), m, static_cast<int>(depth)}, packedRows(c.b, depth, 1, levelsOf(c)), 1);
}

bool lowbitConv2dFloat_cuda(const lowbitConv2dFloat_call& c) {
  const int64_t depth = unpacked(c).w.count(1, 4), groups = c.groups.integer(), pixels = c.y.count(0, 3);
  if (!holdsPairs(c.w) || pixels > INT32_MAX || depth > INT32_MAX) return false;
  if (!c.y.size()) return true;
  const Windows windows(c, c.kernel[0], c.kernel[1], c.x.shape[3]);
  return multiplyOnCard(c, RealWindows{c.x.as<float>(), pixels, windows}, packedRows(c.w, depth, groups, levelsOf(c)), groups);
}

}  // namespace lowbit
