// fusedElementwise block by block: operands are runs of at most kBlock numbers that lie in L1 (an input of y's shape stays where it is),
// and an instruction is a loop over them. Arithmetic is the limit; programs of a few sums wait for memory.
#pragma once
#include <string.h>

#include "../../core/arithmetic.h"
#include "../../cpu/f32/codes.h"
#include "../../cpu/f32/divisor.h"
#include "../../cpu/f32/stream.h"
#include "program.h"

namespace lowbit {
namespace {

constexpr int64_t kBlock = 512;

// Whole rows of y, or a part of one.
struct Block {
  int64_t row, rows, column, count;
};

// y (rows, n) in blocks.
struct Blocks {
  int64_t rows, n, perRow, rowsEach, count;

  Blocks(int64_t rows, int64_t n)
      : rows(rows), n(n), perRow(ceilDiv(n, kBlock)), rowsEach(n < kBlock ? kBlock / n : 1), count(ceilDiv(rows, rowsEach) * perRow) {}
  Block operator[](int64_t i) const {
    const int64_t row = i / perRow * rowsEach, column = i % perRow * kBlock, some = smaller(rowsEach, rows - row);
    return {row, some, column, some * smaller(kBlock, n - column)};
  }
};

// y[i] = f(i, lanes) for a run of numbers.
template <class F> INLINE void fill(float* y, int64_t count, F f) {
  eachVector(0, count, [=](int64_t i, Lanes lanes) { lanes.store(y + i, f(i, lanes)); });
}
INLINE void fill(float* y, int64_t count, float x) {
  fill(y, count, [=](int64_t, Lanes) { return repeat(x); });
}

// Where results go.
struct ToBlock {
  float* y;
  INLINE void operator()(int64_t i, Vector x) const { Lanes(kWidth).store(y + i, x); }
};
struct ToFloats {
  float* y;
  int64_t count;
  INLINE void operator()(int64_t i, Vector x) const { Lanes(count - i).store(y + i, x); }
};
struct ToCodes {
  uint8_t* y;
  int64_t count;
  Vector low, high;
  Codes zero;
  INLINE void operator()(int64_t i, Vector x) const { storeCodes(y + i, plus(rounded(clamped(orZero(x), low, high)), zero), count - i); }
};

// The operands of one thread's blocks. Vectors are read whole: past the end of an input lies the slack of its memory, or the next block.
class Operands {
 public:
  Operands(const Program& program, const Blocks& blocks) : program_(program), blocks_(blocks) {
    for (int64_t& row : held_) row = -1;
  }

  // Runs the program; store(i, numbers) gets the last results from i on in vectors, whole ones even at the end.
  template <class Store> INLINE void run(const Block& block, const Store& store) {
    for (int k = 0; k < program_.inputs; k++) at_[k] = take(k, block);
    const int last = program_.instructions - 1;
    for (int i = 0; i < last; i++) {
      step(program_.instruction[i], block, ToBlock{results_[i]});
      at_[program_.inputs + i] = results_[i];
    }
    step(program_.instruction[last], block, store);
  }

 private:
  template <class Store> INLINE void step(const Instruction& instruction, const Block& block, const Store& store) const {
    const float *a = at_[instruction.a], *b = at_[instruction.b];
    const Store to = store;  // bytes that are stored might otherwise be its own
    const int64_t count = block.count;
    if (instruction.code == kDiv && isNumber(instruction.b, block)) {
      const Divisor divisor(*b);
      for (int64_t i = 0; i < count; i += kWidth) to(i, load(a + i) / divisor);
    } else {
      withFunction(instruction.code, [=](auto f) {
        for (int64_t i = 0; i < count; i += kWidth) to(i, f(load(a + i), load(b + i)));
      });
    }
  }

  // Is an operand one number for the whole block?
  bool isNumber(int operand, const Block& block) const {
    if (operand >= program_.inputs) return false;
    const Input& x = program_.input[operand];
    return x.width == 1 && blocks_.n > 1 && block.row / x.share == (block.row + block.rows - 1) / x.share;
  }

  const float* take(int k, const Block& block) {
    const Input& x = program_.input[k];
    const int64_t first = block.row / x.share, last = (block.row + block.rows - 1) / x.share;
    if (x.dtype != Dtype::float32) return widened(k, x.at(block.row, block.column), block.count);
    const float* numbers = static_cast<const float*>(x.data);
    if (x.width == blocks_.n && (x.share == 1 || block.rows == 1)) return numbers + x.at(block.row, block.column);
    // One row of the input for all of these is left there for the blocks to come, and so it is repeated as often as they can need it.
    if (first == last && held_[k] == first) return inputs_[k];
    const int64_t rows = first == last ? blocks_.rowsEach : block.rows, length = smaller(blocks_.n, kBlock);
    for (int64_t r = 0; r < rows; r++) {
      const float* row = numbers + (first == last ? first : (block.row + r) / x.share) * x.width;
      if (x.width == 1) fill(inputs_[k] + r * length, length, *row);
      else fill(inputs_[k] + r * length, length, [=](int64_t j, Lanes lanes) { return lanes.load(row + j); });
    }
    held_[k] = first == last ? first : -1;
    return inputs_[k];
  }

  const float* widened(int k, int64_t from, int64_t count) {
    const Input& x = program_.input[k];
    if (x.dtype == Dtype::uint8) widen(static_cast<const uint8_t*>(x.data) + from, inputs_[k], count);
    else widen(static_cast<const int8_t*>(x.data) + from, inputs_[k], count);
    return inputs_[k];
  }
  template <class T> static void widen(const T* codes, float* y, int64_t count) {
    fill(y, count, [=](int64_t i, Lanes) { return real(loadCodes(codes + i)); });
  }

  const Program& program_;
  const Blocks& blocks_;
  const float* at_[kMostInputs + kMostInstructions];
  int64_t held_[kMostInputs];  // the row of an input that fills its block, or -1
  alignas(64) float inputs_[kMostInputs][kBlock];
  alignas(64) float results_[kMostInstructions][kBlock];
};

bool fusedInBlocks(const fusedElementwise_call& c) {
  if (!c.y.size()) return true;
  const Program program(c);
  const Blocks blocks(program.rows, program.n);
  const Vector low = repeat(program.low), high = repeat(program.high);
  const Codes zero = repeatCode(program.zero);
  const int64_t grain = kElementGrain / (kBlock * program.instructions) + 1;
  parallel(blocks.count, grain, [&](int64_t begin, int64_t end) {
    Operands operands(program, blocks);
    for (int64_t i = begin; i < end; i++) {
      const Block block = blocks[i];
      const int64_t at = block.row * program.n + block.column;
      if (c.y.dtype == Dtype::float32) operands.run(block, ToFloats{c.y.as<float>() + at, block.count});
      else operands.run(block, ToCodes{c.y.as<uint8_t>() + at, block.count, low, high, zero});
    }
  });
  return true;
}

}  // namespace
}  // namespace lowbit
