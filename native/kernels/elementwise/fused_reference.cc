// y[i] = program(xs[..][i])
#include "../../core/rounding.h"
#include "../../cpu/pool.h"
#include "program.h"

namespace lowbit {
namespace {

float numberOf(const Input& x, int64_t i) {
  switch (x.dtype) {
    case Dtype::uint8: return static_cast<const uint8_t*>(x.data)[i];
    case Dtype::int8: return static_cast<const int8_t*>(x.data)[i];
    default: return static_cast<const float*>(x.data)[i];
  }
}

float lastResult(const Program& program, int64_t row, int64_t column) {
  float operands[kMostInputs + kMostInstructions], *next = operands;
  for (int k = 0; k < program.inputs; k++) *next++ = numberOf(program.input[k], program.input[k].at(row, column));
  for (int i = 0; i < program.instructions; i++) {
    const auto [code, a, b] = program.instruction[i];
    withFunction(code, [&, a = operands[a], b = operands[b]](auto f) { *next++ = f(a, b); });
  }
  return next[-1];
}

// NaN is the zero point.
uint8_t codeOf(const Program& program, float value) {
  const float steps = roundHalfEven(clampReal(value == value ? value : 0.0f, program.low, program.high));
  return static_cast<uint8_t>(static_cast<int32_t>(steps) + program.zero);  // int8 in two's complement
}

}  // namespace

bool fusedElementwise_reference(const fusedElementwise_call& c) {
  if (!c.y.size()) return true;
  const Program program(c);
  const bool codes = c.y.dtype != Dtype::float32;
  parallel(c.y.size(), kElementGrain / kMostInstructions, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const float value = lastResult(program, i / program.n, i % program.n);
      if (codes) c.y.as<uint8_t>()[i] = codeOf(program, value);
      else c.y.as<float>()[i] = value;
    }
  });
  return true;
}

}  // namespace lowbit
