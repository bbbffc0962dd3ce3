// Linear layers of real numbers with packed low-bit weights: y[i, j] = bias[j] + Σ a[i, p]·f32(level·scale[j]), p ascending, one fused
// multiply-add a step, as gemm_reference has it. A block has kTile × kTile sums, a thread 4 × 4 of them; kDeep steps of p at a time wait in
// shared memory, weights unpacked and scaled. It is bound by the multipliers of float32, which have no tensor cores in this order.
#include "packed.cuh"
#include "unpacked.h"

namespace lowbit {
namespace {

constexpr int kTile = 64, kDeep = 16, kOwn = 4, kAcross = kTile / kOwn;

__global__ void __launch_bounds__(kAcross* kAcross)
    multiplyReal(const float* __restrict__ a, const PackedRows weights, const float* __restrict__ bias, const float* __restrict__ scale,
                 float* __restrict__ y, int64_t rows) {
  SHARED(float4, left, [kDeep][kAcross + 1]);
  SHARED(float4, right, [kDeep][kAcross + 1]);
  const int thread = static_cast<int>(threadIdx.x), depth = weights.depth;
  const int64_t firstColumn = int64_t{blockIdx.y} * kTile, firstRow = int64_t{blockIdx.x} * kTile;
  const int ownColumn = thread % kAcross * kOwn, ownRow = thread / kAcross * kOwn;

  float sums[kOwn][kOwn];
#pragma unroll
  for (int j = 0; j < kOwn; j++) {
    const int64_t column = firstColumn + ownColumn + j;
    const float start = column < weights.rows ? bias[column] : 0;
#pragma unroll
    for (int i = 0; i < kOwn; i++) sums[i][j] = start;
  }
  for (int p = 0; p < depth; p += kDeep) {
    const int steps = depth - p < kDeep ? depth - p : kDeep;
    for (int i = thread; i < kTile * kDeep; i += kAcross * kAcross) {
      const int64_t row = firstRow + i / kDeep;
      reinterpret_cast<float*>(left[i % kDeep])[i / kDeep] = row < rows && i % kDeep < steps ? a[row * depth + p + i % kDeep] : 0;
    }
    if (thread < kTile) {
      const uint4 chunk = weights.chunk(weights.row(firstColumn + thread), p);
      const uint32_t words[4] = {chunk.x, chunk.y, chunk.z, chunk.w};
      const float own = firstColumn + thread < weights.rows ? scale[firstColumn + thread] : 0;
#pragma unroll
      for (int k = 0; k < kDeep; k++)
        reinterpret_cast<float*>(right[k])[thread] = static_cast<float>(static_cast<int8_t>(words[k / 4] >> k % 4 * 8)) * own;
    }
    __syncthreads();
    for (int k = 0; k < steps; k++) {
      const float4 l = left[k][ownRow / kOwn], r = right[k][ownColumn / kOwn];
      const float x[kOwn] = {l.x, l.y, l.z, l.w}, w[kOwn] = {r.x, r.y, r.z, r.w};
#pragma unroll
      for (int i = 0; i < kOwn; i++)
#pragma unroll
        for (int j = 0; j < kOwn; j++) sums[i][j] = __fmaf_rn(x[i], w[j], sums[i][j]);
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kOwn; i++)
#pragma unroll
    for (int j = 0; j < kOwn; j++) {
      const int64_t row = firstRow + ownRow + i, column = firstColumn + ownColumn + j;
      if (row < rows && column < weights.rows) y[row * weights.rows + column] = sums[i][j];
    }
}

}  // namespace

bool lowbitGemmFloat_cuda(const lowbitGemmFloat_call& c) {
  const gemm_call call = unpacked(c);
  const int64_t m = c.a.count(0, c.a.rank - 1), n = call.b.shape[0], blocks = ceilDiv(n, kTile);
  EXPECT(c.bias.size() == n && c.y.size() == m * n);
  if (!holdsPairs(c.b) || blocks > 65535) return false;
  if (!c.y.size()) return true;
  const Launch launch{dim3(static_cast<unsigned>(ceilDiv(m, kTile)), static_cast<unsigned>(blocks)), dim3(kAcross * kAcross)};
  run(multiplyReal, launch, c.a.as<float>(), packedRows(c.b, call.b.shape[1], 1, levelsOf(c)), c.bias.as<float>(), c.scale.as<float>(),
      c.y.as<float>(), m);
  return true;
}

}  // namespace lowbit
