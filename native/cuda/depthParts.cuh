// Products of codes with fewer tiles than a card has multiprocessors, and deep ones: the steps along k are shared out between blocks, as if
// its parts were products of a batch, and a second kernel adds their int32 sums up. Modulo 2^32 the order does not matter.
#pragma once
#include "codes.cuh"

namespace lowbit {
namespace {

// Product i of a batch has bytes i·bytes to (i + 1)·bytes - 1 of the rows.
template <class Operand> struct DepthParts {
  static constexpr bool inMemory = Operand::inMemory;
  using Row = typename Operand::Row;
  Operand whole;
  int bytes, first = 0;

  DEVICE DepthParts of(int64_t part) const { return {whole, bytes, static_cast<int>(part) * bytes}; }
  DEVICE Row row(int64_t i) const { return whole.row(i); }
  DEVICE const void* address(Row row, int k) const { return whole.address(row, first + k); }
  DEVICE uint4 chunk(Row row, int k) const { return whole.chunk(row, first + k); }
};

// y from the sums of the parts, (parts, rows, columns), from which zero points have been taken already.
template <class Output> __global__ void addParts(const int* __restrict__ sums, int parts, const Output output) {
  const int64_t count = output.rows * output.columns;
  FOR_EACH(i, count) {
    uint32_t sum = 0;
    for (int part = 0; part < parts; part++) sum += static_cast<uint32_t>(sums[part * count + i]);
    const int64_t row = i / output.columns, column = i - row * output.columns;
    output.put(row, column, output.column(column, 0), static_cast<int>(sum), 0);
  }
}

// How many parts give every multiprocessor something to do; one has at least kLeastSteps, or the second kernel would cost what they save.
inline int64_t partsOf(const CodeOutput& output) {
  constexpr int64_t kLeastSteps = 8;
  const int64_t wanted = cardMultiprocessors() / SmallTile::blocks(output.rows, output.columns);
  const int64_t most = ceilDiv(output.depth, kStageBytes) / kLeastSteps;
  return wanted < most ? wanted : most;
}

// What the tiles of products.cuh make of left and right, which are one product.
template <class Products, class Left, class Right> void multiplyInParts(const Left& left, const Right& right, const CodeOutput& output) {
  if constexpr (Left::inMemory) {
    if (const int64_t wanted = partsOf(output); wanted > 1) {
      const int64_t bytes = ceilDiv(ceilDiv(output.depth, kStageBytes), wanted) * kStageBytes, parts = ceilDiv(output.depth, bytes);
      const int64_t count = output.rows * output.columns;
      const CardScratch sums(static_cast<size_t>(parts * count) * sizeof(int));
      CodeOutput partial = output;
      partial.out.y.data = sums.as<int>();
      partial.out.y.dtype = Dtype::int32;
      partial.pitch = output.columns;
      partial.step = count;
      partial.bias = nullptr;
      partial.scale = nullptr;
      partial.depth = 0;
      const int each = static_cast<int>(bytes);
      runTiles<SmallTile, Products>(DepthParts<Left>{left, each}, DepthParts<Right>{right, each}, partial, output.rows, output.columns,
                                    bytes, parts);
      run(addParts<CodeOutput>, launchOver(count), sums.as<int>(), static_cast<int>(parts), output);
      return;
    }
  }
  multiplyInTiles<Products>(left, right, output, output.rows, output.columns, output.depth, 1);
}

}  // namespace
}  // namespace lowbit
