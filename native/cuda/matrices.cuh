// Linear layers of codes: many rows in the tiles of products.cuh, few of them in a kernel that is as fast as weights arrive.
#pragma once
#include <algorithm>

#include "../op.h"
#include "depthParts.cuh"

namespace lowbit {
namespace {

// A warp has kOutputs outputs of up to `most` rows; its lanes share out k by chunks.
constexpr int kOutputs = 4, kFewWarps = 8;

template <class Operand> DEVICE uint4 read(const Operand& operand, typename Operand::Row row, int k) {
  if constexpr (Operand::inMemory) {
    if (const void* from = operand.address(row, k)) return *static_cast<const uint4*>(from);
  }
  return operand.chunk(row, k);
}

template <class Products, int most, class Left, class Right>
__global__ void __launch_bounds__(32 * kFewWarps) fewRows(const Left left, const Right right, const CodeOutput output, int depth) {
  const int lane = static_cast<int>(threadIdx.x), firstRow = static_cast<int>(blockIdx.y) * most;
  const int64_t firstColumn = (int64_t{blockIdx.x} * kFewWarps + threadIdx.y) * kOutputs;
  typename Left::Row rows[most];
  typename Right::Row columns[kOutputs];
#pragma unroll
  for (int r = 0; r < most; r++) rows[r] = left.row(firstRow + r);
#pragma unroll
  for (int c = 0; c < kOutputs; c++) columns[c] = right.row(firstColumn + c);

  int sums[most][kOutputs] = {}, leftTotals[most] = {}, rightTotals[kOutputs] = {};
  for (int k = lane * 16; k < depth; k += 32 * 16) {
    uint4 weights[kOutputs];
#pragma unroll
    for (int c = 0; c < kOutputs; c++) weights[c] = read(right, columns[c], k);
#pragma unroll
    for (int c = 0; c < kOutputs; c++) rightTotals[c] = eachWord(weights[c], rightTotals[c], Products::addRight);
#pragma unroll
    for (int r = 0; r < most; r++) {
      const uint4 codes = read(left, rows[r], k);
      leftTotals[r] = eachWord(codes, leftTotals[r], Products::addLeft);
#pragma unroll
      for (int c = 0; c < kOutputs; c++) sums[r][c] = Products::dot(codes, weights[c], sums[r][c]);
    }
  }
#pragma unroll
  for (int c = 0; c < kOutputs; c++) rightTotals[c] = warpSum(rightTotals[c]);
#pragma unroll
  for (int r = 0; r < most; r++) {
    leftTotals[r] = warpSum(leftTotals[r]);
#pragma unroll
    for (int c = 0; c < kOutputs; c++) {
      const int sum = warpSum(sums[r][c]) + Products::dotOffset * rightTotals[c];
      if (lane == (r * kOutputs + c) % 32)
        output.put(firstRow + r, firstColumn + c, output.column(firstColumn + c, rightTotals[c]), sum, leftTotals[r]);
    }
  }
}

template <class Products, int most, class Left, class Right>
void runFewRows(const Left& left, const Right& right, const CodeOutput& output) {
  const int64_t blocks = ceilDiv(output.columns, kOutputs * kFewWarps);
  const Launch launch{dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(ceilDiv(output.rows, most))), dim3(32, kFewWarps)};
  run(fewRows<Products, most, Left, Right>, launch, left, right, output, output.depth);
}

// What becomes of the sums of a linear layer.
inline CodeOutput outputOf(const qgemm_call& c) {
  const int64_t k = c.b.shape[1], n = c.b.shape[0];
  EXPECT(c.a.dim(-1) == k && c.y.dim(-1) == n && c.bias.size() == n && c.scale.size() == n);
  return {.out = {c.y, Requantize(c.yZero, c.qmin, c.qmax)},
          .rows = c.y.count(0, c.y.rank - 1),
          .columns = n,
          .pitch = n,
          .bias = c.bias.as<int32_t>(),
          .scale = c.scale.as<float>(),
          .multiplier = 0,
          .leftZero = zeroOf(c.aZero),
          .rightZero = zeroOf(c.bZero),
          .depth = static_cast<uint32_t>(k)};
}

// Few enough for fewRows.
constexpr int kFewRows = 16;

// y = out(bias + Σ (a - aZero)·(b - bZero), scale), as qgemm_reference has it. weightsIn(piece) is the operand of the weights, its rows (n,
// k), in pieces of at most `most` bytes.
template <class F> void multiplyCodes(const qgemm_call& c, int most, F&& weightsIn) {
  const CodeOutput output = outputOf(c);
  const int64_t k = c.b.shape[1], m = output.rows;
  if (!c.y.size()) return;
  withPiece(std::min(most, pieceOf(c.a.data, k)), [&]<int piece>(std::integral_constant<int, piece> size) {
    const MatrixRows<piece> a{c.a.as<uint8_t>(), m, static_cast<int>(k)};
    const auto b = weightsIn(size);
    withProducts(c.a, [&]<class Products>(Products) {
      if (m == 1) runFewRows<Products, 1>(a, b, output);
      else if (m <= kFewRows) runFewRows<Products, 8>(a, b, output);
      else multiplyInParts<Products>(a, b, output);
    });
  });
}

}  // namespace
}  // namespace lowbit
