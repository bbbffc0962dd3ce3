// Programs of float32 arithmetic, what the rows of fusedElementwise run:
//   operands      the inputs, then the results of the instructions so far
//   instructions  (code, a, b): the next result is f(operand a, operand b)
//   y             the last result r, or its code clamp(rne(r) + zeroPoint) in uint8 or int8
// y is (rows, n). Each row of an input, n numbers or one, belongs to `share` neighbouring rows of y: 1 for a tensor of y's shape or a
// column, all of them for a row vector or a number.
#pragma once
#include "../../core/check.h"
#include "../../cpu/f32/formula.h"
#include "../../op.h"
#include "smooth.h"

namespace lowbit {
namespace {

// As in lib/ops/fused.ts.
constexpr int kMostInputs = 16, kMostInstructions = 16;
enum Code { kAdd, kSub, kMul, kDiv, kMaximum, kMinimum, kSqrt, kNeg, kRelu, kExp, kTanh, kErf, kSigmoid, kSilu, kGelu, kGeluTanh, kCodes };

// The larger and the smaller; of NaN and a number NaN, of equal numbers b.
INLINE Vector maximumOf(Vector a, Vector b) { return ifNaN(a, a, larger(a, b)); }
INLINE Vector minimumOf(Vector a, Vector b) { return ifNaN(a, a, smaller(a, b)); }

// body(f) with the function of an instruction; one of a single operand does not look at b.
template <class Body> INLINE void withFunction(int64_t code, Body&& body) {
  switch (code) {
    case kAdd: return body([](Vector a, Vector b) { return a + b; });
    case kSub: return body([](Vector a, Vector b) { return a - b; });
    case kMul: return body([](Vector a, Vector b) { return a * b; });
    case kDiv: return body([](Vector a, Vector b) { return a / b; });
    case kMaximum: return body([](Vector a, Vector b) { return maximumOf(a, b); });
    case kMinimum: return body([](Vector a, Vector b) { return minimumOf(a, b); });
    case kSqrt: return body([](Vector a, Vector) { return root(a); });
    case kNeg: return body([](Vector a, Vector) { return -a; });
    case kRelu: return body([](Vector a, Vector) { return rectified(a); });
    case kExp: return body([](Vector a, Vector) { return exponential(a); });
    case kTanh: return body([](Vector a, Vector) { return hyperbolicTangent(a); });
    case kErf: return body([](Vector a, Vector) { return errorFunction(a); });
    case kSigmoid: return body([](Vector a, Vector) { return logistic(a); });
    case kSilu: return body([](Vector a, Vector) { return siluOf(a); });
    case kGelu: return body([](Vector a, Vector) { return geluOf(a); });
    case kGeluTanh: return body([](Vector a, Vector) { return geluTanhOf(a); });
  }
}

struct Input {
  const void* data;
  Dtype dtype;
  int64_t width, share;  // numbers in a row; rows of y that one of them belongs to

  INLINE int64_t at(int64_t row, int64_t column) const { return width == 1 ? row / share : row / share * width + column; }
};

struct Instruction {
  int64_t code;
  int a, b;
};

// A call whose y is not empty.
struct Program {
  int inputs, instructions;
  int64_t rows, n;
  Input input[kMostInputs];
  Instruction instruction[kMostInstructions];
  float low, high;  // of codes, less the zero point
  int32_t zero;

  explicit Program(const fusedElementwise_call& c)
      : inputs(c.xs.count), instructions(c.program.count / 3), zero(static_cast<int32_t>(c.zeroPoint.integer())) {
    EXPECT(inputs >= 1 && inputs <= kMostInputs && instructions >= 1 && instructions <= kMostInstructions);
    const int64_t size = c.y.size();
    bool flat = true;
    for (int k = 0; k < inputs; k++) flat &= c.xs[k].size() == size || c.xs[k].size() == 1;
    n = flat || c.y.rank == 0 ? size : c.y.dim(-1);
    rows = size / n;
    for (int k = 0; k < inputs; k++) {
      const View& x = c.xs[k];
      const int64_t numbers = x.size(), last = flat ? numbers : x.rank ? x.dim(-1) : 1;
      const int64_t width = last == n ? n : 1, own = numbers / width;
      EXPECT(numbers == own * width && own > 0 && rows % own == 0);
      EXPECT(x.dtype == Dtype::float32 || (own * width == size && (x.dtype == Dtype::uint8 || x.dtype == Dtype::int8)));
      input[k] = {x.data, x.dtype, width, rows / own};
    }
    for (int i = 0; i < instructions; i++) {
      const int64_t code = c.program[3 * i], a = c.program[3 * i + 1], b = c.program[3 * i + 2];
      EXPECT(code >= 0 && code < kCodes && a >= 0 && a < inputs + i && b >= 0 && b < inputs + i);
      instruction[i] = {code, static_cast<int>(a), static_cast<int>(b)};
    }
    const int32_t least = c.y.dtype == Dtype::int8 ? -128 : 0;
    low = static_cast<float>(least - zero), high = static_cast<float>(least + 255 - zero);
  }
};

}  // namespace
}  // namespace lowbit
