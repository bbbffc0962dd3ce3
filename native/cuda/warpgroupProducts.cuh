// Products of codes as in products.cuh, sum (i, j) = Σ_k left[i, k]·right[j, k], by warpgroups of cards of compute capability 9.0.
//
// A block computes tile after tile of 128 × columns sums. k goes by in stages of 128 bytes: warpgroup 0 brings them, the other two
// multiply, 64 rows each. Two barriers of a stage say that it is full, and that it is empty again, so that loads run ahead, into the next
// tile too. Rows of matrices come as boxes of tensor maps. Windows of images are gathered by the threads of warpgroup 0: a tensor map would
// fill what is outside the image with zeros, which are not codes of 0. Zero points take the sums of right rows, which a kernel adds up
// before.
#pragma once
#include <optional>

#include "codes.cuh"
#include "warpgroup.cuh"

namespace lowbit {
namespace {

constexpr int kGroupThreads = 128, kGroupRows = 64, kTileRows = 2 * kGroupRows, kBringerRegisters = 88, kMultiplierRegisters = 208;

// Threads of a block may have 65536 registers and 227 KiB between them.
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

// What the sums need beside the products, nullptr where zero points are 0.
struct RowTotals {
  const int *left, *right;

  static DEVICE int of(const int* totals, int64_t i, int64_t count) { return totals && i < count ? totals[i] : 0; }
};

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

// totals[i] = Σ row i, a warp a row. Rows are made of chunks.
template <class Add> __global__ void addUpRows(const uint4* __restrict__ data, int64_t rows, int64_t chunks, int* __restrict__ totals) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int64_t row = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) / 32;
  if (row >= rows) return;
  int sum = 0;
  for (int64_t i = lane; i < chunks; i += 32) sum = eachWord(data[row * chunks + i], sum, Add());
  sum = warpSum(sum);
  if (lane == 0) totals[row] = sum;
}

template <class Products> struct LeftWords {
  DEVICE int operator()(uint32_t word, int sum) const { return Products::addLeft(word, sum); }
};
template <class Products> struct RightWords {
  DEVICE int operator()(uint32_t word, int sum) const { return Products::addRight(word, sum); }
};

// Sums of rows for one call, made where zero points ask for them.
class Totals {
 public:
  template <class Add> void make(const void* data, int64_t rows, int64_t depth) {
    constexpr int threads = 256;
    sums_.emplace(static_cast<size_t>(rows) * sizeof(int));
    const Launch launch{dim3(static_cast<unsigned>(ceilDiv(rows * 32, threads))), dim3(threads)};
    run(addUpRows<Add>, launch, static_cast<const uint4*>(data), rows, depth / 16, sums_->as<int>());
  }
  const int* get() const { return sums_ ? sums_->as<int>() : nullptr; }

 private:
  std::optional<CardScratch> sums_;
};

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
