// Products of matrices for graphics cards: y = left · right, for each matrix of a batch and each chunk of its steps.
#pragma once
#include "../../core/chunks.h"
#include "../../core/matmul.h"
#include "../../cuda/product.cuh"
#include "../../op.h"

namespace lowbit {
namespace {

// An operand lies along its steps if they are neighbours in memory.
template <class T, bool leftAlong, bool rightAlong> struct Matrices {
  Matmul matmul;
  Chunks chunks;  // of the steps
  Output<T> out;
  int parts, rows, columns;
  int leftStride, rightStride;
  bool leftQuads, rightQuads;

  Matrices(const Matmul& matmul, const Chunks& chunks, const Output<T>& out)
      : matmul(matmul),
        chunks(chunks),
        out(out),
        parts(static_cast<int>(matmul.batch * chunks.count)),
        rows(static_cast<int>(matmul.m)),
        columns(static_cast<int>(matmul.n)),
        leftStride(static_cast<int>(leftAlong ? matmul.k : matmul.m)),
        rightStride(static_cast<int>(rightAlong ? matmul.k : matmul.n)),
        leftQuads(inQuads(matmul.a.data, leftStride)),
        rightQuads(inQuads(matmul.b.data, rightStride)) {}

  struct Part {
    const T *a, *b;
    int64_t firstRow;
    int rows, columns, steps, firstColumn;
  };
  DEVICE Part part(int64_t i) const {
    const int64_t matrix = i / chunks.count, first = chunks.first(i % chunks.count), end = chunks.first(i % chunks.count + 1);
    const T* a = matmul.a.as<T>() + matmul.indexOfA(matrix) * matmul.m * matmul.k + first * (leftAlong ? 1 : leftStride);
    const T* b = matmul.b.as<T>() + matmul.indexOfB(matrix) * matmul.k * matmul.n + first * (rightAlong ? 1 : rightStride);
    return {a, b, i * matmul.m, rows, columns, static_cast<int>(end - first), 0};
  }
  DEVICE MatrixCursor<T, leftAlong> left(const Part& part, int row, int k) const {
    return {part.a, leftStride, row, rows, k, part.steps, leftQuads};
  }
  DEVICE MatrixCursor<T, rightAlong> right(const Part& part, int column, int k) const {
    return {part.b, rightStride, column, columns, k, part.steps, rightQuads};
  }
  DEVICE int64_t place(const Part& part, int row) const { return part.firstRow + row; }
};

// (rows, the last dimension), whatever the rank.
inline View asMatrix(const View& x) { return {x.data, x.dtype, 2, {x.count(0, x.rank - 1), x.dim(-1)}}; }

// The ops of the family, whose products are what Arithmetic makes of them (cuda/product.cuh, cuda/tensorProduct.cuh). Declined are other
// types than it takes, and sizes beyond 2^31.
template <class Arithmetic> struct MatrixRows {
  static bool takes(const Matmul& p, int64_t chunks) {
    return Arithmetic::takes(p.a.dtype) && p.m <= INT32_MAX && p.n <= INT32_MAX && p.k <= INT32_MAX && p.batch * chunks <= INT32_MAX;
  }

  template <class T, class C> static bool layer(const C& c, const Finish<T>& finish) {
    const Matmul matmul(asMatrix(c.a), c.b, asMatrix(c.y), false, true);
    if (!takes(matmul, 1)) return false;
    Arithmetic::template multiply<T>(
        Matrices<T, true, true>(matmul, Chunks::whole(matmul.k), {c.y.template as<T>(), matmul.n, c.bias.template as<T>(), 0, finish}));
    return true;
  }
  static bool gemm(const gemm_call& c) { return c.a.dtype == Dtype::float64 ? layer<double>(c, {}) : layer<float>(c, {}); }
  static bool gemmAddClip(const gemmAddClip_call& c) {
    return c.a.dtype == Dtype::float64 ? layer<double>(c, finishOf<double>(c.plus, c.y, c.min, c.max))
                                       : layer<float>(c, finishOf<float>(c.plus, c.y, c.min, c.max));
  }

  template <class T> static bool product(const Matmul& p) {
    const auto multiplied = [&]<bool leftAlong, bool rightAlong>() {
      Arithmetic::template multiply<T>(Matrices<T, leftAlong, rightAlong>(p, Chunks::whole(p.k), {p.y.as<T>(), p.n}));
    };
    if (!takes(p, 1)) return false;
    if (p.turnedA && p.turnedB) multiplied.template operator()<false, true>();
    else if (p.turnedA) multiplied.template operator()<false, false>();
    else if (p.turnedB) multiplied.template operator()<true, true>();
    else multiplied.template operator()<true, false>();
    return true;
  }
  static bool matmul(const Matmul& p) { return p.a.dtype == Dtype::float64 ? product<double>(p) : product<float>(p); }

  template <class T> static bool weightGradOf(const Matmul& p) {
    const Chunks chunks(p.k, 1, p.m * p.n);
    if (!takes(p, chunks.count)) return false;
    multiplyChunks(chunks.count, p.y.as<T>(), p.m * p.n, [&](T* y) {
      Arithmetic::template multiply<T>(Matrices<T, false, false>(p, chunks, {y, p.n}));
    });
    return true;
  }
  static bool weightGrad(const gemmWeightGrad_call& c) {
    const Matmul product(asMatrix(c.dy), asMatrix(c.a), c.dw, true, false);
    return c.dy.dtype == Dtype::float64 ? weightGradOf<double>(product) : weightGradOf<float>(product);
  }
};

}  // namespace
}  // namespace lowbit
