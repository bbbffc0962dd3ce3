// Arithmetic of two float32 tensors, a vector at a time; memory is the limit. They broadcast where y is rows in each of which an operand
// is a row of its own, the same row again, or one number: [.., c] with [.., c], [c], [.., 1] or [1]. Other calls are declined.
#pragma once
#include "../../core/arithmetic.h"
#include "../../core/check.h"
#include "../../cpu/f32/divisor.h"
#include "../../cpu/f32/stream.h"
#include "../../op.h"

namespace lowbit {
namespace {

// y as (count, length), and how far an operand goes from one row and from one element to the next.
struct Rows {
  struct Steps {
    int64_t row, element;
  };
  int64_t count = 1, length = 1;
  Steps a{0, 0}, b{0, 0};
  bool fit = true;

  INLINE Rows(const View& av, const View& bv, const View& y) {
    EXPECT(av.rank <= y.rank && bv.rank <= y.rank);
    int kinds = 0;  // of dimensions, by which operands have them: those of rows, then those of their count
    bool aHas = false, bHas = false;
    for (int back = 1; back <= y.rank; back++) {
      const int64_t size = y.dim(-back);
      if (size == 1) continue;
      const bool inA = has(av, back, size), inB = has(bv, back, size);
      if (!kinds || inA != aHas || inB != bHas) kinds++;
      aHas = inA;
      bHas = inB;
      (kinds == 1 ? length : count) *= size;
      if (kinds == 1) {
        a.element = inA;
        b.element = inB;
      } else {
        a.row = !inA ? 0 : a.element ? length : 1;
        b.row = !inB ? 0 : b.element ? length : 1;
      }
    }
    fit = kinds <= 2 && (length >= kWidth || count == 1);
  }

 private:
  static INLINE bool has(const View& x, int back, int64_t size) {
    const int64_t own = back <= x.rank ? x.dim(-back) : 1;
    EXPECT(own == size || own == 1);
    return own == size;
  }
};

template <bool A, bool B, class F> INLINE void pairRow(const float* a, const float* b, float* y, int64_t length, F f) {
  eachVector(0, length, [=](int64_t i, Lanes lanes) {
    lanes.store(y + i, f(A ? lanes.load(a + i) : repeat(*a), B ? lanes.load(b + i) : repeat(*b)));
  });
}

// By one number for all of a row.
struct Quotient {
  INLINE Vector operator()(Vector a, Vector b) const { return a / b; }
};
template <> INLINE void pairRow<true, false, Quotient>(const float* a, const float* b, float* y, int64_t length, Quotient) {
  const Divisor divisor(*b);
  eachVector(0, length, [=](int64_t i, Lanes lanes) { lanes.store(y + i, lanes.load(a + i) / divisor); });
}

// y = f(a, b)
template <class F> INLINE bool pairVectors(const View& av, const View& bv, const View& yv, F f) {
  if (yv.dtype != Dtype::float32) return false;
  const Rows rows(av, bv, yv);
  if (!rows.fit) return false;
  const float *a = av.as<float>(), *b = bv.as<float>();
  float* y = yv.as<float>();
  parallel(yv.size(), kElementGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin, next; i < end; i = next) {
      const int64_t row = i / rows.length, first = i % rows.length;
      next = smaller(end, (row + 1) * rows.length);
      const float* p = a + row * rows.a.row + first * rows.a.element;
      const float* q = b + row * rows.b.row + first * rows.b.element;
      if (rows.a.element && rows.b.element) pairRow<true, true>(p, q, y + i, next - i, f);
      else if (rows.a.element) pairRow<true, false>(p, q, y + i, next - i, f);
      else pairRow<false, true>(p, q, y + i, next - i, f);
    }
  });
  return true;
}

INLINE bool addRow(const add_call& c) {
  return pairVectors(c.a, c.b, c.y, [](Vector a, Vector b) { return a + b; });
}
INLINE bool addReluRow(const addRelu_call& c) {
  return pairVectors(c.a, c.b, c.y, [](Vector a, Vector b) { return rectified(a + b); });
}
INLINE bool subRow(const sub_call& c) {
  return pairVectors(c.a, c.b, c.y, [](Vector a, Vector b) { return a - b; });
}
INLINE bool mulRow(const mul_call& c) {
  return pairVectors(c.a, c.b, c.y, [](Vector a, Vector b) { return a * b; });
}
INLINE bool divRow(const div_call& c) { return pairVectors(c.a, c.b, c.y, Quotient()); }

// The exponent, if it is one number; else 0.
INLINE double onlyExponent(const View& x) {
  if (x.size() != 1) return 0;
  switch (x.dtype) {
    case Dtype::float32: return *x.as<float>();
    case Dtype::float64: return *x.as<double>();
    case Dtype::int32: return *x.as<int32_t>();
    case Dtype::int64: return static_cast<double>(*x.as<int64_t>());
    default: return 0;
  }
}

// In double, as the reference.
INLINE bool cubes(const View& x, const View& y) {
  if (y.dtype != Dtype::float32) return false;
  const float* from = x.as<float>();
  float* to = y.as<float>();
  parallel(y.size(), kElementGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const double a = from[i];
      to[i] = static_cast<float>(a * a * a);
    }
  });
  return true;
}

// Squares: a product rounded once is what the reference computes in double and rounds.
INLINE bool powRow(const pow_call& c) {
  const double exponent = onlyExponent(c.b);
  if (exponent == 3) return cubes(c.a, c.y);
  if (exponent != 2) return false;
  return pairVectors(c.a, c.a, c.y, [](Vector a, Vector) { return a * a; });
}

}  // namespace
}  // namespace lowbit
