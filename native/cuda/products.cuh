// Products of rows of bytes on tensor cores: sum (i, j) = Σ_k left[i, k]·right[j, k].
//
// A block computes a tile of sums, each of its warps warpRows × 32 of them. k goes by in stages of 64 bytes, kStages of them in shared
// memory, where a row's four chunks of 16 bytes change places by (row / 2) % 4, so that loadTiles meets no bank conflict. A thread carries
// chunks of the same rows in every stage; on the way it adds up what is in them, for the terms of zero points.
//
// Whose bytes these are is the operand's business, and what becomes of the sums the output's (codes.cuh, windows.cuh):
//
//   Operand::inMemory                  its chunks lie in memory as they are, at 16-byte addresses
//   operand.of(batch)                  the operand of one of several products of the same shape
//   Row operand.row(i)                 what all chunks of row i share; i may be beyond the last row
//   void* operand.address(row, k)      where the chunk of bytes k to k + 15 lies, or nullptr
//   uint4 operand.chunk(row, k)        that chunk where it has no address; bytes beyond the last of a row are zeros
#pragma once
#include "../core/arithmetic.h"
#include "launch.h"

namespace lowbit {
namespace {

constexpr int kStageBytes = 64, kStages = 4, kWarpColumns = 32;

template <int rowCount, int columnCount, int rowsOfWarp> struct Tile {
  static constexpr int rows = rowCount, columns = columnCount, warpRows = rowsOfWarp;
  static constexpr int warpsAcross = columns / kWarpColumns, threads = rows / warpRows * warpsAcross * 32;
  static constexpr int stage = (rows + columns) * kStageBytes, stages = kStages * stage;
  // With the totals of rows and columns behind the stages.
  static constexpr int shared = stages + (rows + columns) * static_cast<int>(sizeof(int));
  // Of sums that have become bytes, which take the place of the stages.
  static constexpr int pitch = columns + 16;

  static int64_t blocks(int64_t m, int64_t n) { return ceilDiv(m, rows) * ceilDiv(n, columns); }
};
using LargeTile = Tile<128, 128, 64>;
using NarrowTile = Tile<128, 64, 64>;
using SmallTile = Tile<32, 64, 16>;

DEVICE int chunkPlace(int row, int chunk) { return row * kStageBytes + ((chunk ^ (row >> 1 & 3)) << 4); }

// sum = add(word, sum) for the words of a chunk
template <class Add> DEVICE int eachWord(uint4 chunk, int sum, Add add) {
  return add(chunk.w, add(chunk.z, add(chunk.y, add(chunk.x, sum))));
}

DEVICE int warpSum(int x) {
#pragma unroll
  for (int lanes = 16; lanes; lanes /= 2) x += __shfl_xor_sync(0xffffffffu, x, lanes);
  return x;
}

// The chunks that this thread carries: number threadIdx.x % 4 of the rows threadIdx.x / 4, threadIdx.x / 4 + threads / 4, ...
template <class Operand, int rows, int threads> struct Carrier {
  static constexpr int count = rows * 4 / threads;
  const Operand& operand;
  typename Operand::Row row[count];
  uint4 fetched[count];
  int sums[count];

  DEVICE Carrier(const Operand& from, int64_t first) : operand(from) {
#pragma unroll
    for (int n = 0; n < count; n++) {
      row[n] = operand.row(first + rowOf(n));
      sums[n] = 0;
    }
  }
  static DEVICE int rowOf(int n) { return static_cast<int>(threadIdx.x) / 4 + n * (threads / 4); }
  static DEVICE int chunk() { return static_cast<int>(threadIdx.x) % 4; }
  static DEVICE uint4* placeOf(unsigned char* stage, int n) { return reinterpret_cast<uint4*>(stage + chunkPlace(rowOf(n), chunk())); }

  // What has no address waits in registers until the products of another stage are on their way.
  DEVICE void fetch(unsigned char* stage, int k) {
    k += chunk() * 16;
#pragma unroll
    for (int n = 0; n < count; n++) {
      if constexpr (Operand::inMemory) {
        const void* from = operand.address(row[n], k);
        if (from) copyAsync16(placeOf(stage, n), from, true);
        else *placeOf(stage, n) = operand.chunk(row[n], k);
      } else {
        fetched[n] = operand.chunk(row[n], k);
      }
    }
  }
  DEVICE void put(unsigned char* stage) {
    if constexpr (!Operand::inMemory) {
#pragma unroll
      for (int n = 0; n < count; n++) *placeOf(stage, n) = fetched[n];
    }
  }
  // What is in its chunks, word by word.
  template <class Add> DEVICE void addUp(unsigned char* stage, Add add) {
#pragma unroll
    for (int n = 0; n < count; n++) {
      sums[n] = eachWord(*placeOf(stage, n), sums[n], add);
    }
  }
  // Four neighbours have carried a row.
  DEVICE void total(int* totals) {
#pragma unroll
    for (int n = 0; n < count; n++) {
      int sum = sums[n];
      sum += __shfl_xor_sync(0xffffffffu, sum, 1);
      sum += __shfl_xor_sync(0xffffffffu, sum, 2);
      if (chunk() == 0) totals[rowOf(n)] = sum;
    }
  }
};

// The sums of a warp, and where they lie in the tile: lane l holds columns 2·(l % 4) and the next of eight, of rows l / 4 and l / 4 + 8
// of 16.
template <class Tile> struct WarpSums {
  static constexpr int tall = Tile::warpRows / 16, wide = kWarpColumns / 8;
  int sums[tall][wide][4];
  int lane, firstRow, firstColumn;

  DEVICE WarpSums() {
    const int warp = static_cast<int>(threadIdx.x) / 32;
    lane = static_cast<int>(threadIdx.x) % 32;
    firstRow = warp / Tile::warpsAcross * Tile::warpRows;
    firstColumn = warp % Tile::warpsAcross * kWarpColumns;
#pragma unroll
    for (int i = 0; i < tall; i++)
#pragma unroll
      for (int j = 0; j < wide; j++)
#pragma unroll
        for (int e = 0; e < 4; e++) sums[i][j][e] = 0;
  }
  DEVICE int rowOf(int i, int half) const { return firstRow + i * 16 + half * 8 + lane / 4; }
  DEVICE int columnOf(int j) const { return firstColumn + j * 8 + lane % 4 * 2; }

  template <class Products> DEVICE void add(const unsigned char* left, const unsigned char* right) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      uint32_t a[tall][4], b[wide / 2][4];
#pragma unroll
      for (int i = 0; i < tall; i++) loadTiles(a[i], left + chunkPlace(firstRow + i * 16 + lane % 16, half * 2 + lane / 16));
#pragma unroll
      for (int j = 0; j < wide / 2; j++)
        loadTiles(b[j], right + chunkPlace(firstColumn + j * 16 + lane / 16 * 8 + lane % 8, half * 2 + lane / 8 % 2));
#pragma unroll
      for (int i = 0; i < tall; i++)
#pragma unroll
        for (int j = 0; j < wide; j++) Products::multiply(sums[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
    }
  }
};

// Two neighbours of a row. Sums that become bytes pass through shared memory, so that rows of them leave as wholes; wider ones leave at
// once.
template <class Output>
DEVICE void putPair(const Output& output, int64_t row, int column, const typename Output::Column (&columns)[2], int sum, int next,
                    int total, unsigned char* bytes) {
  if (output.inBytes()) {
    const unsigned pair = output.byte(row, column, columns[0], sum, total) | output.byte(row, column + 1, columns[1], next, total) << 8;
    *reinterpret_cast<uint16_t*>(bytes) = static_cast<uint16_t>(pair);
  } else {
    output.put(row, column, columns[0], sum, total);
    output.put(row, column + 1, columns[1], next, total);
  }
}

template <class Tile, class Output>
DEVICE void putTile(const WarpSums<Tile>& warp, const Output& output, unsigned char* bytes, const int* leftTotals, const int* rightTotals,
                    int64_t firstRow, int firstColumn) {
#pragma unroll
  for (int j = 0; j < warp.wide; j++) {
    const int at = warp.columnOf(j), column = firstColumn + at;
    const typename Output::Column columns[] = {output.column(column, rightTotals[at]), output.column(column + 1, rightTotals[at + 1])};
#pragma unroll
    for (int i = 0; i < warp.tall; i++)
#pragma unroll
      for (int half = 0; half < 2; half++) {
        const int below = warp.rowOf(i, half);
        putPair(output, firstRow + below, column, columns, warp.sums[i][j][half * 2], warp.sums[i][j][half * 2 + 1], leftTotals[below],
                bytes + below * Tile::pitch + at);
      }
  }
  if (!output.inBytes()) return;
  __syncthreads();
  constexpr int across = Tile::columns / 16;
  for (int i = static_cast<int>(threadIdx.x); i < Tile::rows * across; i += Tile::threads) {
    const int below = i / across, at = i % across * 16;
    output.putBytes(firstRow + below, firstColumn + at, bytes + below * Tile::pitch + at);
  }
}

// Blocks of a multiprocessor hide one another's waiting; what is gathered in registers has no room for more than one.
template <class Tile, class Left, class Right> constexpr int neighbours() {
  return Left::inMemory && Right::inMemory ? (Tile::threads > 128 ? 2 : 3) : 1;
}

template <class Tile, class Products, class Left, class Right, class Output>
__global__ void __launch_bounds__(Tile::threads, (neighbours<Tile, Left, Right>()))
    tileProducts(const Left allLeft, const Right allRight, const Output outputs, unsigned down, unsigned across, int steps) {
  const unsigned line = blockIdx.x / across, batch = line / down;
  const int64_t firstRow = int64_t{line % down} * Tile::rows;
  const int firstColumn = static_cast<int>(blockIdx.x % across) * Tile::columns;
  const auto left = allLeft.of(batch);
  const auto right = allRight.of(batch);
  const bool leftCounts = outputs.needsLeftTotals(), rightCounts = outputs.needsRightTotals();

  unsigned char* const stages = dynamicShared();
  int *const leftTotals = reinterpret_cast<int*>(stages + Tile::stages), *const rightTotals = leftTotals + Tile::rows;
  Carrier<decltype(left), Tile::rows, Tile::threads> lefts(left, firstRow);
  Carrier<decltype(right), Tile::columns, Tile::threads> rights(right, firstColumn);
  const auto leftOf = [&](int step) { return stages + step % kStages * Tile::stage; };
  const auto rightOf = [&](int step) { return leftOf(step) + Tile::rows * kStageBytes; };
  const auto fetch = [&](int step) {
    if (step < steps) {
      lefts.fetch(leftOf(step), step * kStageBytes);
      rights.fetch(rightOf(step), step * kStageBytes);
    }
    commitCopies();
  };
  const auto put = [&](int step) {
    if (step >= steps) return;
    lefts.put(leftOf(step));
    rights.put(rightOf(step));
  };

  WarpSums<Tile> warp;
  for (int step = 0; step < kStages - 1; step++) {
    fetch(step);
    put(step);
  }
  for (int step = 0; step < steps; step++) {
    waitCopies<kStages - 2>();
    __syncthreads();
    fetch(step + kStages - 1);
    warp.template add<Products>(leftOf(step), rightOf(step));
    if (leftCounts) lefts.addUp(leftOf(step), [](uint32_t word, int sum) { return Products::addLeft(word, sum); });
    if (rightCounts) rights.addUp(rightOf(step), [](uint32_t word, int sum) { return Products::addRight(word, sum); });
    put(step + kStages - 1);
  }
  lefts.total(leftTotals);
  rights.total(rightTotals);
  __syncthreads();
  putTile(warp, outputs.of(batch), stages, leftTotals, rightTotals, firstRow, firstColumn);
}

// `depth` bytes of k; `batch` products.
template <class Tile, class Products, class Left, class Right, class Output>
void runTiles(const Left& left, const Right& right, const Output& output, int64_t rows, int64_t columns, int64_t depth, int64_t batch) {
  const int64_t down = ceilDiv(rows, Tile::rows), across = ceilDiv(columns, Tile::columns);
  const Launch launch{dim3(static_cast<unsigned>(down * across * batch)), dim3(Tile::threads), Tile::shared};
  run(tileProducts<Tile, Products, Left, Right, Output>, launch, left, right, output, down, across, ceilDiv(depth, kStageBytes));
}

// Large tiles move the fewest bytes, small ones give every multiprocessor something to do. Operands without addresses are slower than
// tensor cores in any tile.
template <class Products, class Left, class Right, class Output>
void multiplyInTiles(const Left& left, const Right& right, const Output& output, int64_t rows, int64_t columns, int64_t depth,
                     int64_t batch) {
  const int64_t enough = cardMultiprocessors();
  if constexpr (Left::inMemory) {
    if (columns > NarrowTile::columns && LargeTile::blocks(rows, columns) * batch >= enough)
      return runTiles<LargeTile, Products>(left, right, output, rows, columns, depth, batch);
  }
  if (NarrowTile::blocks(rows, columns) * batch >= enough) runTiles<NarrowTile, Products>(left, right, output, rows, columns, depth, batch);
  else runTiles<SmallTile, Products>(left, right, output, rows, columns, depth, batch);
}

}  // namespace
}  // namespace lowbit
