// Products of codes as in products.cuh, sum (i, j) = Σ_k left[i, k]·right[j, k], by warpgroups of cards of compute capability 9.0.
//
// As many blocks as there are multiprocessors compute tile after tile of 128 × columns sums: warpgroup 0 brings what they are made of
// (warpgroupLoads.cuh), the other two multiply, 64 rows each. Zero points take the sums of rows, which a kernel adds up before.
#pragma once
#include "codes.cuh"
#include "rowTotals.cuh"
#include "warpgroupLoads.cuh"

namespace lowbit {
namespace {

// Of 65536 that the threads of a block have between them.
constexpr int kBringerRegisters = 88, kMultiplierRegisters = 208;

// The sums of a warp become results, its 16 rows from `row` on.
template <class Tile>
DEVICE void putSums(const int (&sums)[Tile::columns / 2], const CodeOutput& output, const RowTotals& totals, unsigned char* bytes,
                    int64_t row, int column) {
  const int lane = static_cast<int>(threadIdx.x) % 32, below = lane / 4;
  const int leftTotals[] = {RowTotals::of(totals.left, row + below, output.rows), RowTotals::of(totals.left, row + below + 8, output.rows)};
#pragma unroll
  for (int j = 0; j < Tile::columns / 8; j++) {
    const int at = j * 8 + lane % 4 * 2, c = column + at;
    const CodeOutput::Column columns[] = {output.column(c, RowTotals::of(totals.right, c, output.columns)),
                                          output.column(c + 1, RowTotals::of(totals.right, c + 1, output.columns))};
#pragma unroll
    for (int half = 0; half < 2; half++)
      putPair(output, row + below + half * 8, c, columns, sums[j * 4 + half * 2], sums[j * 4 + half * 2 + 1], leftTotals[half],
              bytes + (below + half * 8) * Tile::pitch + at);
  }
  if (!output.inBytes()) return;
  __syncwarp();
  constexpr int across = Tile::columns / 16;
  for (int i = lane; i < 16 * across; i += 32)
    output.putBytes(row + i / across, column + i % across * 16, bytes + i / across * Tile::pitch + i % across * 16);
  __syncwarp();
}

// Warpgroup `group` of those that multiply.
template <class Tile, class Products>
DEVICE void multiplyStages(Ring<Tile> ring, int group, const CodeOutput& outputs, const RowTotals& allTotals, const TileOrder& order) {
  const int lane = static_cast<int>(threadIdx.x) % 32,
            warpRow = group * kGroupRows + static_cast<int>(threadIdx.x) % kGroupThreads / 32 * 16;
  unsigned char* const bytes = ring.shared + Tile::stages * Tile::stage + warpRow * Tile::pitch;
  const auto leave = [&](const Ring<Tile>& read) {
    if (lane == 0) read.empty().arrive();
  };
  int sums[Tile::columns / 2];
  order.each<Tile>([&](TileOrder::Spot spot) {
    Ring<Tile> before = ring;
    for (int step = 0; step < order.steps; step++) {
      ring.full().wait(ring.parity);
      const uint64_t left = tileOf(ring.left() + group * kGroupRows * kBoxBytes), right = tileOf(ring.right());
      beginProducts();
#pragma unroll
      for (int k = 0; k < kBoxBytes / 32; k++) {
        if constexpr (Products::leftSigned) multiplyGroupS8S8(sums, left + 2 * k, right + 2 * k, step + k > 0);
        else multiplyGroupU8S8(sums, left + 2 * k, right + 2 * k, step + k > 0);
      }
      commitProducts();
      waitProducts<1>();
      if (step > 0) leave(before);
      before = ring;
      ring.next();
    }
    finishProducts(sums);
    leave(before);
    const RowTotals totals{allTotals.left, allTotals.right ? allTotals.right + spot.batch * outputs.columns : nullptr};
    putSums<Tile>(sums, outputs.of(spot.batch), totals, bytes, spot.row + warpRow, spot.column);
  });
}

template <class Tile, class Products, class Left>
__global__ void __launch_bounds__(3 * kGroupThreads, 1)
    groupProducts(const __grid_constant__ Left left, const __grid_constant__ RightRows right, const CodeOutput outputs,
                  const RowTotals totals, const TileOrder order) {
  Ring<Tile> ring{tileShared()};
  if (threadIdx.x == 0) {
    for (; ring.parity == 0; ring.next()) {
      ring.full().begin(Left::arrivals);
      ring.empty().begin(kTileRows / 16);  // warps that multiply
    }
    ring.parity = 0;
  }
  __syncthreads();
  const int group = static_cast<int>(threadIdx.x) / kGroupThreads;
  if (group == 0) {
    leaveRegisters<kBringerRegisters>();
    left.bring(ring, right, order);
  } else {
    takeRegisters<kMultiplierRegisters>();
    multiplyStages<Tile, Products>(ring, group - 1, outputs, totals, order);
  }
}

// A product for warpgroups: `left` rows, `right` of output.columns rows for each of `batches` products, of output.depth bytes.
template <class Left> struct GroupProduct {
  Left left;
  const void* right;
  CodeOutput output;
  RowTotals totals;
  int64_t batches;
};

template <class Tile, class Products, class Left> void runGroups(const GroupProduct<Left>& p) {
  const CodeOutput& output = p.output;
  const int64_t down = ceilDiv(output.rows, kTileRows), across = ceilDiv(output.columns, Tile::columns), tiles = down * across * p.batches;
  const TileOrder order{static_cast<unsigned>(down), static_cast<unsigned>(across), static_cast<unsigned>(p.batches),
                        static_cast<int>(ceilDiv(output.depth, kBoxBytes))};
  const RightRows right{tensorMapOf(p.right, output.depth, output.columns * p.batches, Tile::columns), static_cast<int>(output.columns)};
  const int64_t blocks = tiles < cardMultiprocessors() ? tiles : cardMultiprocessors();
  const Launch launch{dim3(static_cast<unsigned>(blocks)), dim3(3 * kGroupThreads), Tile::shared};
  run(groupProducts<Tile, Products, Left>, launch, p.left, right, output, p.totals, order);
}

// Whether there are tiles for half of the multiprocessors; the small ones of products.cuh share out fewer sums better.
inline bool suitsGroups(const CodeOutput& output, int64_t batches) {
  return GroupTile<64>::blocks(output.rows, output.columns) * batches * 2 >= cardMultiprocessors();
}

// Wide tiles move the fewest bytes, narrow ones give every multiprocessor something to do.
template <class Products, class Left> void multiplyInGroups(const GroupProduct<Left>& p) {
  const auto fills = [&]<class Tile>(Tile) {
    return p.output.columns > Tile::columns / 2 && Tile::blocks(p.output.rows, p.output.columns) * p.batches >= cardMultiprocessors();
  };
  if (fills(GroupTile<256>())) runGroups<GroupTile<256>, Products>(p);
  else if (fills(GroupTile<128>())) runGroups<GroupTile<128>, Products>(p);
  else runGroups<GroupTile<64>, Products>(p);
}

}  // namespace
}  // namespace lowbit
