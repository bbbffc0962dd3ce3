// How tiles of left and right rows come to the shared memory of warpgroupProducts.cuh.
//
// k goes by in stages of 128 bytes. Two barriers of a stage say that it is full, and that it is empty again, so that loads run ahead, into
// the next tile too. Rows of matrices come as boxes of tensor maps. Windows of images are gathered by threads: a tensor map would fill what
// is outside the image with zeros, which are not codes of 0.
#pragma once
#include "products.cuh"
#include "warpgroup.cuh"

namespace lowbit {
namespace {

constexpr int kGroupThreads = 128, kGroupRows = 64, kTileRows = 2 * kGroupRows;

// A block may have 227 KiB of shared memory.
template <int columnCount> struct GroupTile {
  static constexpr int columns = columnCount, stage = (kTileRows + columns) * kBoxBytes;
  // Of sums that have become bytes, in places of their own.
  static constexpr int pitch = columns + 16, results = kTileRows * pitch;
  static constexpr int most = (226 << 10) - results, stages = most / stage < 8 ? most / stage : 8;
  static constexpr int barriers = stages * stage + results, shared = barriers + 2 * stages * static_cast<int>(sizeof(PhaseBarrier));

  static int64_t blocks(int64_t m, int64_t n) { return ceilDiv(m, kTileRows) * ceilDiv(n, columns); }
};

// The stages of a block, one after another and round again.
template <class Tile> struct Ring {
  unsigned char* shared;
  int stage = 0, parity = 0;  // parity of the phases of this round

  DEVICE PhaseBarrier& full() const { return reinterpret_cast<PhaseBarrier*>(shared + Tile::barriers)[stage]; }
  DEVICE PhaseBarrier& empty() const { return (&full())[Tile::stages]; }
  DEVICE unsigned char* left() const { return shared + stage * Tile::stage; }
  DEVICE unsigned char* right() const { return left() + kTileRows * kBoxBytes; }
  DEVICE void next() {
    if (++stage < Tile::stages) return;
    stage = 0;
    parity ^= 1;
  }
};

// Tiles in the order of the blocks that take them: at any time those under way lie close together, in bands of kBand rows of tiles, so that
// what they read is in the cache.
struct TileOrder {
  static constexpr unsigned kBand = 16;
  unsigned down, across, batches;
  int steps;

  struct Spot {
    unsigned batch;
    int row, column;
  };
  template <class Tile> DEVICE Spot spot(unsigned tile) const {
    const unsigned batch = tile / (down * across), at = tile - batch * down * across;
    const unsigned band = at / (kBand * across), within = at - band * kBand * across;
    const unsigned height = down - band * kBand < kBand ? down - band * kBand : kBand;
    return {batch, static_cast<int>((band * kBand + within % height) * kTileRows), static_cast<int>(within / height * Tile::columns)};
  }
  // body(spot) for the tiles of this block
  template <class Tile, class F> DEVICE void each(F body) const {
    for (unsigned tile = blockIdx.x; tile < down * across * batches; tile += gridDim.x) body(spot<Tile>(tile));
  }
};

struct RightRows {
  TensorMap map;
  int columns;  // rows of it that belong to a product

  template <class Tile> DEVICE void bring(const Ring<Tile>& ring, TileOrder::Spot spot, int k) const {
    loadBox(ring.right(), map, k, static_cast<int>(spot.batch) * columns + spot.column, ring.full());
  }
};

// Left rows that are those of a matrix: one thread asks for all boxes.
struct BoxedRows {
  static constexpr int arrivals = 1;
  TensorMap map;

  template <class Tile> DEVICE void bring(Ring<Tile> ring, const RightRows& right, const TileOrder& order) const {
    if (threadIdx.x != 0) return;
    order.each<Tile>([&](TileOrder::Spot spot) {
      for (int step = 0; step < order.steps; step++, ring.next()) {
        ring.empty().wait(ring.parity ^ 1);
        ring.full().arriveExpecting(Tile::stage);
        loadBox(ring.left(), map, step * kBoxBytes, spot.row, ring.full());
        right.bring(ring, spot, step * kBoxBytes);
      }
    });
  }
};

// Left rows of an operand of products.cuh, in memory: a thread carries chunk threadIdx.x % 8 of the rows threadIdx.x / 8, threadIdx.x / 8 +
// 16, ... A stage is full when what the threads have copied has arrived, while the next ones are on their way.
template <class Operand> struct GatheredRows {
  static constexpr int arrivals = kGroupThreads + 1, behind = 2, carried = kTileRows * 8 / kGroupThreads;
  Operand operand;

  template <class Tile> DEVICE void bring(Ring<Tile> ring, const RightRows& right, const TileOrder& order) const {
    const int first = static_cast<int>(threadIdx.x) / 8, chunk = static_cast<int>(threadIdx.x) % 8;
    Ring<Tile> arrived = ring;
    const auto arrive = [&] {
      showToProducts();
      arrived.full().arrive();
      arrived.next();
    };
    int underWay = 0;
    order.each<Tile>([&](TileOrder::Spot spot) {
      const Operand rows = operand.of(spot.batch);
      typename Operand::Row row[carried];
#pragma unroll
      for (int n = 0; n < carried; n++) row[n] = rows.row(spot.row + first + n * 16);
      for (int step = 0; step < order.steps; step++, ring.next()) {
        ring.empty().wait(ring.parity ^ 1);
        if (threadIdx.x == 0) {
          ring.full().arriveExpecting(Tile::columns * kBoxBytes);
          right.bring(ring, spot, step * kBoxBytes);
        }
        const int k = step * kBoxBytes + chunk * 16;
#pragma unroll
        for (int n = 0; n < carried; n++) {
          unsigned char* place = ring.left() + placeInTile(first + n * 16, chunk);
          if (const void* from = rows.address(row[n], k)) copyAsync16(place, from, true);
          else *reinterpret_cast<uint4*>(place) = rows.chunk(row[n], k);
        }
        commitCopies();
        if (underWay < behind) {
          underWay++;
        } else {
          waitCopies<behind>();
          arrive();
        }
      }
    });
    waitCopies<0>();
    for (; underWay; underWay--) arrive();
  }
};

}  // namespace
}  // namespace lowbit
