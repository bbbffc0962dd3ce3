// Products of matrices of codes: the tiles of cuda/products.cuh, with rows of b as they are, or columns of b gathered on the way.
#include "../../core/matmul.h"
#include "../../core/strided.h"
#include "../../cuda/matrices.cuh"

namespace lowbit {
namespace {

// Which matrix of each operand product i of a batch multiplies.
struct Batches {
  Strided<2> plan;

  DEVICE int64_t of(int operand, int64_t i) const {
    int64_t at = 0;
    for (int d = plan.rank - 1; d >= 0; d--) {
      at += i % plan.shape[d] * plan.strides[operand][d];
      i /= plan.shape[d];
    }
    return at;
  }
};

// x without its last two dimensions
View batchOf(const View& x) {
  View batch = x;
  batch.rank = x.rank - 2;
  return batch;
}

// Matrices (m, k), their rows.
template <int piece> struct LeftMatrices {
  static constexpr bool inMemory = piece == 16;
  using Row = typename MatrixRows<piece>::Row;
  MatrixRows<piece> first;
  Batches batches;

  DEVICE MatrixRows<piece> of(int64_t batch) const {
    return {first.data + batches.of(0, batch) * first.rows * first.depth, first.rows, first.depth};
  }
};

// The columns of a matrix (k, n) as rows; uint8 codes become int8, 128 less.
struct MatrixColumns {
  static constexpr bool inMemory = false;
  struct Row {
    const uint8_t* data;  // nullptr beyond the last column
  };
  const uint8_t* data;
  int64_t columns;
  int depth;
  uint8_t flip;

  DEVICE Row row(int64_t j) const { return {j < columns ? data + j : nullptr}; }
  DEVICE uint4 chunk(Row row, int k) const {
    return chunkOf<1>([&](int i) { return row.data && k + i < depth ? row.data[(k + i) * columns] ^ flip : 0; });
  }
};

struct RightMatrices {
  static constexpr bool inMemory = false;
  using Row = MatrixColumns::Row;
  MatrixColumns first;
  Batches batches;

  DEVICE MatrixColumns of(int64_t batch) const {
    return {first.data + batches.of(1, batch) * first.depth * first.columns, first.columns, first.depth, first.flip};
  }
};

}  // namespace

bool qgemm_cuda(const qgemm_call& c) {
  EXPECT(c.b.dtype == Dtype::int8);
  const int64_t n = c.b.shape[0], k = c.b.shape[1];
  multiplyCodes(c, pieceOf(c.b.data, k), [&]<int piece>(std::integral_constant<int, piece>) {
    return MatrixRows<piece>{c.b.as<uint8_t>(), n, static_cast<int>(k)};
  });
  return true;
}

bool qmatmul_cuda(const qmatmul_call& c) {
  const Matmul matrices(c.a, c.b, c.y);
  const int64_t m = matrices.m, n = matrices.n, k = matrices.k;
  if (!c.y.size()) return true;
  const uint8_t flip = c.b.dtype == Dtype::uint8 ? 128 : 0;
  const CodeOutput output{.out = {c.y, Requantize(c.yZero, c.qmin, c.qmax)},
                          .rows = m,
                          .columns = n,
                          .pitch = n,
                          .bias = nullptr,
                          .scale = nullptr,
                          .multiplier = static_cast<float>(c.multiplier),
                          .leftZero = zeroOf(c.aZero),
                          .rightZero = zeroOf(c.bZero) - flip,
                          .depth = static_cast<uint32_t>(k),
                          .step = m * n};
  const Batches batches{broadcast(batchOf(c.y), batchOf(c.a), batchOf(c.b))};
  const RightMatrices b{{c.b.as<uint8_t>(), n, static_cast<int>(k), flip}, batches};
  withPiece(pieceOf(c.a.data, k), [&]<int piece>(std::integral_constant<int, piece>) {
    const LeftMatrices<piece> a{{c.a.as<uint8_t>(), m, static_cast<int>(k)}, batches};
    withProducts(c.a, [&]<class Products>(Products) { multiplyInTiles<Products>(a, b, output, m, n, k, matrices.batch); });
  });
  return true;
}

}  // namespace lowbit
