// The products of product.cuh on tensor cores: factors are rounded to tf32 (11 bits) or bfloat16 (8 bits), their products are exact and
// added in float32, in an order of the card's. Rows made of this decline unless that is the precision asked for.
#pragma once
#include "product.cuh"

namespace lowbit {
namespace {

struct Tf32 {
  static constexpr Precision precision = Precision::tf32;
  static constexpr int perWord = 1;

  static DEVICE void multiply(float (&sums)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) { multiplyTf32(sums, a, b0, b1); }
};
struct Bf16 {
  static constexpr Precision precision = Precision::bf16;
  static constexpr int perWord = 2;

  static DEVICE void multiply(float (&sums)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) { multiplyBf16(sums, a, b0, b1); }
};

// Tiles of side² results and 16 steps a stage; 2·side threads. A warp computes 32 rows by side / 2 columns.
template <class Number, int side> struct TensorTile {
  static constexpr int depth = 16, words = depth / Number::perWord, pairs = side / 32;  // of blocks of 8 columns
  // Lines of words along the steps; 4 more keep the rows of eight lines apart in the banks.
  using Stage = uint32_t[side][words + 4];
};

// What a thread brings of one operand: eight steps of a line, or two steps of four lines.
template <class Number, int side, class Cursor> struct TensorShare {
  Cursor cursor;
  float quads[2][4];

  static constexpr bool along = Cursor::alongSteps;
  static constexpr int depth = TensorTile<Number, side>::depth;
  static DEVICE int line() { return along ? threadIdx.x / 2 : threadIdx.x / 8 * 4; }
  static DEVICE int step() { return along ? threadIdx.x % 2 * 8 : threadIdx.x % 8 * 2; }

  DEVICE void load() {
    constexpr int next = along ? 4 : 1;
    cursor.load(quads[0]);
    cursor.advance(next);
    cursor.load(quads[1]);
    cursor.advance(depth - next);
  }
  DEVICE void store(typename TensorTile<Number, side>::Stage& stage) const {
    if constexpr (along) {
      uint32_t* to = &stage[line()][step() / Number::perWord];
      const float(&x)[2][4] = quads;
      if constexpr (Number::perWord == 1) {
#pragma unroll
        for (int q = 0; q < 2; q++) storeWords(to + q * 4, {tf32Of(x[q][0]), tf32Of(x[q][1]), tf32Of(x[q][2]), tf32Of(x[q][3])});
      } else {
        storeWords(to, {bf16Of(x[0][0], x[0][1]), bf16Of(x[0][2], x[0][3]), bf16Of(x[1][0], x[1][1]), bf16Of(x[1][2], x[1][3])});
      }
    } else {
#pragma unroll
      for (int e = 0; e < 4; e++) {
        uint32_t* to = &stage[line() + e][step() / Number::perWord];
        if constexpr (Number::perWord == 1) *reinterpret_cast<uint2*>(to) = {tf32Of(quads[0][e]), tf32Of(quads[1][e])};
        else *to = bf16Of(quads[0][e], quads[1][e]);
      }
    }
  }
  static DEVICE void storeWords(uint32_t* to, uint4 words) { *reinterpret_cast<uint4*>(to) = words; }
};

template <class Number, int side, class Product>
__global__ void __launch_bounds__(2 * side, 256 / side) multiplyTensorTiles(Product product) {
  using Shape = TensorTile<Number, side>;
  SHARED(typename Shape::Stage, lefts, [2]);
  SHARED(typename Shape::Stage, rights, [2]);
  SHARED(typename Product::Part, partOfBlock, [1]);
  const TileSpot spot(product, side);
  if (threadIdx.x == 0) partOfBlock[0] = product.part(spot.part);
  __syncthreads();
  const auto& part = partOfBlock[0];
  if (spot.row >= part.rows || spot.column >= part.columns) return;

  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, firstRow = warp / 2 * 32, firstColumn = warp % 2 * (side / 2);
  // Element i of the sums of 16 rows by 8 columns that a lane has.
  const auto rowOf = [&](int block, int i) { return spot.row + firstRow + block * 16 + i / 2 * 8 + lane / 4; };
  const auto columnOf = [&](int block, int i) { return spot.column + firstColumn + block * 8 + lane % 4 * 2 + i % 2; };
  float sums[2][Shape::pairs * 2][4];
  const auto eachSum = [&](auto use) {
#pragma unroll
    for (int r = 0; r < 2; r++)
#pragma unroll
      for (int half = 0; half < 2; half++) {
        if (rowOf(r, half * 2) >= part.rows) continue;
        const int64_t place = product.place(part, rowOf(r, half * 2));
#pragma unroll
        for (int c = 0; c < Shape::pairs * 2; c++)
#pragma unroll
          for (int i = half * 2; i < half * 2 + 2; i++)
            if (columnOf(c, i) < part.columns) use(sums[r][c][i], place, part.firstColumn + columnOf(c, i));
      }
  };
  for (auto& row : sums)
    for (auto& block : row)
      for (float& sum : block) sum = 0;
  eachSum([&](float& sum, int64_t row, int64_t column) { sum = product.out.first(row, column); });

  using LeftShare = TensorShare<Number, side, decltype(product.left(part, 0, 0))>;
  using RightShare = TensorShare<Number, side, decltype(product.right(part, 0, 0))>;
  LeftShare left{product.left(part, spot.row + LeftShare::line(), LeftShare::step()), {}};
  RightShare right{product.right(part, spot.column + RightShare::line(), RightShare::step()), {}};
  const auto load = [&] {
    left.load();
    right.load();
  };
  const auto store = [&](int stage) {
    left.store(lefts[stage]);
    right.store(rights[stage]);
  };
  if (part.steps > 0) {
    load();
    store(0);
  }
  __syncthreads();
  int stage = 0;
  for (int rest = part.steps; rest > 0; rest -= Shape::depth, stage ^= 1) {
    const bool more = rest > Shape::depth;
    if (more) load();
#pragma unroll 1  // registers
    for (int word = 0; word < Shape::words; word += 8) {
      uint32_t a[2][4], b[4];
#pragma unroll
      for (int r = 0; r < 2; r++) loadTiles(a[r], &lefts[stage][firstRow + r * 16 + lane % 16][word + lane / 16 * 4]);
#pragma unroll
      for (int c = 0; c < Shape::pairs; c++) {
        loadTiles(b, &rights[stage][firstColumn + c * 16 + lane / 16 * 8 + lane % 8][word + lane / 8 % 2 * 4]);
#pragma unroll
        for (int r = 0; r < 2; r++) {
          Number::multiply(sums[r][c * 2], a[r], b[0], b[1]);
          Number::multiply(sums[r][c * 2 + 1], a[r], b[2], b[3]);
        }
      }
    }
    if (more) store(stage ^ 1);
    __syncthreads();
  }
  eachSum([&](float& sum, int64_t row, int64_t column) { product.out.store(row, column, sum); });
}

// Products that are rounded to Number first.
template <class Number> struct Rounded {
  static constexpr bool exact = false;
  static bool takes(Dtype dtype) { return dtype == Dtype::float32 && cudaPrecision() == Number::precision; }

  template <class T, class Product> static void multiply(const Product& p) {
    if constexpr (sizeof(T) == 4) {
      if (int64_t{p.rows} * p.columns * p.parts == 0) return;
      if (suits<128>(p)) start<128>(p);
      else if (suits<64>(p)) start<64>(p);
      else start<32>(p);
    }
  }

 private:
  template <int side, class Product> static void start(const Product& p) {
    run(multiplyTensorTiles<Number, side, Product>, {dim3(static_cast<unsigned>(tilesOf(p, side))), dim3(2 * side)}, p);
  }
};

}  // namespace
}  // namespace lowbit
