// Sums of products on the card, y[row, column] = finish(start + Σ left[row, k]·right[column, k]): k ascends from the start with one fused
// multiply-add a step, as in the references.
//
// What is multiplied is a struct of plain data:
//   parts, rows, columns   parts that do not meet (matrices, groups, lines of an image), and the size of the largest
//   part(i)                on the card: a Part, plain data of a block, with its rows, columns and steps
//   left(part, row, k), right(part, column, k)   cursors: load(quad) reads four elements, of four steps where `alongSteps`, else of four
//                          rows or columns; value() reads one; advance(k) goes on. Outside, elements are 0.
//   out                    an Output, to whose row place(part, row) results go, from part.firstColumn on
#pragma once
#include "../core/finish.h"
#include "launch.h"

namespace lowbit {
namespace {

DEVICE float fused(float a, float b, float sum) { return __fmaf_rn(a, b, sum); }
DEVICE double fused(double a, double b, double sum) { return __fma_rn(a, b, sum); }

// Four floats at a time from and to memory that is 16-byte aligned.
DEVICE void loadQuad(float* quad, const float* from) {
  const float4 four = *reinterpret_cast<const float4*>(from);
  quad[0] = four.x, quad[1] = four.y, quad[2] = four.z, quad[3] = four.w;
}
DEVICE void storeQuad(float* to, const float* quad) { *reinterpret_cast<float4*>(to) = make_float4(quad[0], quad[1], quad[2], quad[3]); }

// Where sums begin and end: rows of `width` results.
template <class T> struct Output {
  T* y;
  int64_t width;
  const T* start = nullptr;  // row m begins with what lies at start + m·startStep; nullptr is 0
  int64_t startStep = 0;
  Finish<T> finish = {};

  DEVICE T first(int64_t row, int64_t column) const { return start ? start[row * startStep + column] : T(0); }
  DEVICE void store(int64_t row, int64_t column, T sum) const { y[row * width + column] = finish(sum, row, column); }
  DEVICE void storeFour(int64_t row, int64_t column, const T* sums) const {
    T four[4];
#pragma unroll
    for (int e = 0; e < 4; e++) four[e] = finish(sums[e], row, column + e);
    storeQuad(y + (row * width + column), four);
  }
  // Whether quads of these columns are whole, and 16-byte aligned.
  DEVICE bool inQuads(int firstColumn, int columns) const {
    return reinterpret_cast<uintptr_t>(y) % 16 == 0 && width % 4 == 0 && firstColumn % 4 == 0 && columns % 4 == 0;
  }
};

// Elements that lie `stride` apart from one step to the next, or where `along` from one line (row or column) to the next.
template <class T, bool along> struct MatrixCursor {
  static constexpr bool alongSteps = along;
  const T* at;
  int stride;
  int lines;   // from here on
  int steps;   // likewise; none where there is no line
  bool quads;  // all quads are whole, and 16-byte aligned

  DEVICE MatrixCursor(const T* matrix, int stride, int line, int lines, int step, int steps, bool quads)
      : at(matrix + (along ? int64_t{line} * stride + step : int64_t{step} * stride + line)),
        stride(stride),
        lines(lines - line),
        steps(line < lines ? steps - step : 0),
        quads(quads) {}
  DEVICE T value() const { return *at; }
  DEVICE void load(T (&quad)[4]) const {
    const int here = along ? steps : steps > 0 ? lines : 0;
    if (quads && here > 0) return loadQuad(quad, at);
#pragma unroll
    for (int e = 0; e < 4; e++) quad[e] = e < here ? at[e] : T(0);
  }
  DEVICE void advance(int by) {
    at += along ? by : int64_t{by} * stride;
    steps -= by;
  }
};

inline bool inQuads(const void* data, int64_t stride) { return reinterpret_cast<uintptr_t>(data) % 16 == 0 && stride % 4 == 0; }

// The tile of a block: columns first, then rows, then parts.
struct TileSpot {
  int row, column;
  int64_t part;

  template <class Product> DEVICE TileSpot(const Product& p, int side) {
    const unsigned columns = static_cast<unsigned>((p.columns + side - 1) / side), rows = static_cast<unsigned>((p.rows + side - 1) / side);
    column = static_cast<int>(blockIdx.x % columns) * side;
    row = static_cast<int>(blockIdx.x / columns % rows) * side;
    part = blockIdx.x / columns / rows;
  }
};
template <class Product> int64_t tilesOf(const Product& p, int side) {
  return int64_t{(p.rows + side - 1) / side} * ((p.columns + side - 1) / side) * p.parts;
}

// Tiles of side² results; 2·side threads, of which each loads depth / 8 quads of either operand a stage and computes quadsDown·4 by
// quadsAcross·4 results: the warps lie rowWarps by columnWarps, their lanes 4 by 8.
template <int side> struct Tile {
  static constexpr int threads = 2 * side, depth = 1024 / side, rowWarps = side == 128 ? 4 : 2, columnWarps = side == 32 ? 1 : 2;
  static constexpr int quadsDown = side / rowWarps / 16, quadsAcross = side / columnWarps / 32;
  // Steps are rows, so that threads read quads of lines. 4 floats more keep stores of quads of steps apart in the banks.
  using Stage = float[depth][side + 4];
};

// What a thread brings of one operand: from memory to registers while the stage before is computed, from there to shared memory.
template <int side, class Cursor> struct Share {
  Cursor cursor;
  float quads[Tile<side>::depth / 8][4];

  static DEVICE int line() { return Cursor::alongSteps ? threadIdx.x / 2 : threadIdx.x % (side / 4) * 4; }
  static DEVICE int step() { return Cursor::alongSteps ? threadIdx.x % 2 * 4 : threadIdx.x / (side / 4); }

  DEVICE void load() {
#pragma unroll
    for (auto& quad : quads) {
      cursor.load(quad);
      cursor.advance(8);
    }
  }
  DEVICE void store(typename Tile<side>::Stage& stage) const {
#pragma unroll
    for (int q = 0; q < Tile<side>::depth / 8; q++) {
      if constexpr (Cursor::alongSteps) {
#pragma unroll
        for (int e = 0; e < 4; e++) stage[q * 8 + step() + e][line()] = quads[q][e];
      } else {
        storeQuad(&stage[q * 8 + step()][line()], quads[q]);
      }
    }
  }
};

template <int side, class Product> __global__ void __launch_bounds__(2 * side, 256 / side) multiplyTiles(Product product) {
  using Shape = Tile<side>;
  constexpr int down = Shape::quadsDown * 4, across = Shape::quadsAcross * 4;
  SHARED(typename Shape::Stage, lefts, [2]);
  SHARED(typename Shape::Stage, rights, [2]);
  SHARED(typename Product::Part, partOfBlock, [1]);  // registers are for sums
  const TileSpot spot(product, side);
  if (threadIdx.x == 0) partOfBlock[0] = product.part(spot.part);
  __syncthreads();
  const auto& part = partOfBlock[0];
  if (spot.row >= part.rows || spot.column >= part.columns) return;

  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int firstRow = warp / Shape::columnWarps * (side / Shape::rowWarps) + lane / 8 * 4;
  const int firstColumn = warp % Shape::columnWarps * (side / Shape::columnWarps) + lane % 8 * 4;
  const auto rowOf = [&](int r) { return spot.row + firstRow + r / 4 * 16 + r % 4; };
  const auto columnOf = [&](int c) { return spot.column + firstColumn + c / 4 * 32 + c % 4; };

  float sums[down][across];
#pragma unroll
  for (int r = 0; r < down; r++) {
    const bool there = rowOf(r) < part.rows;
    const int64_t place = there ? product.place(part, rowOf(r)) : 0;
#pragma unroll
    for (int c = 0; c < across; c++)
      sums[r][c] = there && columnOf(c) < part.columns ? product.out.first(place, part.firstColumn + columnOf(c)) : 0;
  }
  const auto addStep = [&](int stage, int k) {
    float a[down], b[across];
#pragma unroll
    for (int q = 0; q < Shape::quadsDown; q++) loadQuad(a + q * 4, &lefts[stage][k][firstRow + q * 16]);
#pragma unroll
    for (int q = 0; q < Shape::quadsAcross; q++) loadQuad(b + q * 4, &rights[stage][k][firstColumn + q * 32]);
#pragma unroll
    for (int r = 0; r < down; r++)
#pragma unroll
      for (int c = 0; c < across; c++) sums[r][c] = __fmaf_rn(a[r], b[c], sums[r][c]);
  };

  using Left = decltype(product.left(part, 0, 0));
  using Right = decltype(product.right(part, 0, 0));
  using LeftShare = Share<side, Left>;
  using RightShare = Share<side, Right>;
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
    if (rest >= Shape::depth) {
#pragma unroll 2  // more would take registers for fragments that nobody waits for
      for (int k = 0; k < Shape::depth; k++) addStep(stage, k);
    } else {  // no step with zeros: it would make +0 of -0
#pragma unroll 1
      for (int k = 0; k < rest; k++) addStep(stage, k);
    }
    if (more) store(stage ^ 1);
    __syncthreads();
  }

  const bool quads = product.out.inQuads(part.firstColumn, part.columns);
#pragma unroll
  for (int r = 0; r < down; r++) {
    if (rowOf(r) >= part.rows) continue;
    const int64_t place = product.place(part, rowOf(r));
#pragma unroll
    for (int c = 0; c < across; c++) {
      if (columnOf(c) >= part.columns) continue;
      if (!quads) product.out.store(place, part.firstColumn + columnOf(c), sums[r][c]);
      else if (c % 4 == 0) product.out.storeFour(place, part.firstColumn + columnOf(c), sums[r] + c);
    }
  }
}

// One thread a result.
template <class T, class Product> __global__ void multiplyEach(Product product) {
  const int64_t size = int64_t{product.rows} * product.columns;
  FOR_EACH(i, size * product.parts) {
    const auto part = product.part(i / size);
    const int row = static_cast<int>(i % size / product.columns), column = static_cast<int>(i % product.columns);
    if (row >= part.rows || column >= part.columns) continue;
    auto left = product.left(part, row, 0);
    auto right = product.right(part, column, 0);
    const int64_t place = product.place(part, row);
    T sum = product.out.first(place, part.firstColumn + column);
    for (int k = 0; k < part.steps; k++) {
      sum = fused(left.value(), right.value(), sum);
      left.advance(1);
      right.advance(1);
    }
    product.out.store(place, part.firstColumn + column, sum);
  }
}

// A tile should be half full either way, and there should be one for each multiprocessor.
template <int side, class Product> bool suits(const Product& p) {
  return p.rows > side / 2 && p.columns > side / 2 && tilesOf(p, side) >= cardMultiprocessors();
}
template <int side, class Product> void startTiles(const Product& p) {
  run(multiplyTiles<side, Product>, {dim3(static_cast<unsigned>(tilesOf(p, side))), dim3(2 * side)}, p);
}

// Products with the bytes of the references.
struct Exact {
  static constexpr bool exact = true;
  static bool takes(Dtype dtype) { return dtype == Dtype::float32 || dtype == Dtype::float64; }

  template <class T, class Product> static void multiply(const Product& p) {
    const int64_t results = int64_t{p.rows} * p.columns * p.parts;
    if (!results) return;
    if constexpr (sizeof(T) == 8) run(multiplyEach<T, Product>, launchOver(results), p);
    else if (suits<128>(p)) startTiles<128>(p);
    else if (suits<64>(p)) startTiles<64>(p);
    else startTiles<32>(p);
  }
};

// y[i] = the sums of its chunks, in order.
template <class T> __global__ void addChunks(const T* __restrict__ sums, int64_t chunks, T* __restrict__ y, int64_t count) {
  FOR_EACH(i, count) {
    T sum = sums[i];
    for (int64_t chunk = 1; chunk < chunks; chunk++) sum += sums[chunk * count + i];
    y[i] = sum;
  }
}

// A product whose parts are, first of all, chunks of the sums (core/chunks.h): multiply(y) makes all of them, one after another.
template <class T, class Multiply> void multiplyChunks(int64_t chunks, T* y, int64_t count, Multiply multiply) {
  if (chunks == 1 || !count) return multiply(y);
  const CardScratch sums(static_cast<size_t>(chunks * count) * sizeof(T));
  multiply(sums.as<T>());
  run(addChunks<T>, launchOver(count), sums.as<T>(), chunks, y, count);
}

}  // namespace
}  // namespace lowbit
