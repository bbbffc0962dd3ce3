// y[i] = program(xs[..][i]) on the card: a thread runs the program for four neighbours, an instruction after the other for all of them. Its
// operands lie in shared memory, where a thread has a column of its own, so that nothing has to meet and memory is read and written once.
#include "../../core/rounding.h"
#include "../../cuda/elements.cuh"
#include "program.h"

namespace lowbit {
namespace {

constexpr int kThreads = 128;

// N numbers of an input from y's index i on, which lie in one row.
template <int N> DEVICE Few<float, N> numbersAt(const Program& program, int k, int64_t row, int64_t column) {
  const Input& input = program.input[k];
  const int64_t own = input.share == 1 ? row : input.share == program.rows ? 0 : row / input.share;
  const bool repeated = input.width == 1;
  const int64_t at = repeated ? own : own * input.width + column;
  if (input.dtype == Dtype::float32) return repeatOrRead<N>(static_cast<const float*>(input.data) + at, repeated);
  Few<float, N> numbers;
  if (input.dtype == Dtype::uint8) {
    const Few<uint8_t, N> codes = repeatOrRead<N>(static_cast<const uint8_t*>(input.data) + at, repeated);
#pragma unroll
    for (int j = 0; j < N; j++) numbers.of[j] = codes.of[j];
  } else {
    const Few<int8_t, N> codes = repeatOrRead<N>(static_cast<const int8_t*>(input.data) + at, repeated);
#pragma unroll
    for (int j = 0; j < N; j++) numbers.of[j] = codes.of[j];
  }
  return numbers;
}

// NaN is the zero point.
DEVICE uint8_t codeOf(const Program& program, float value) {
  const float steps = roundHalfEven(clampReal(value == value ? value : 0.0f, program.low, program.high));
  return static_cast<uint8_t>(static_cast<int32_t>(steps) + program.zero);  // int8 in two's complement
}

// The operands of one thread: packs of shared memory, `step` bytes apart.
struct Column {
  unsigned char* first;
  int step;

  template <class P> DEVICE P& at(int k) const { return *reinterpret_cast<P*>(first + k * step); }
};

template <int N> DEVICE void runAt(const Program& program, int64_t i, const Column& operands, void* y, bool codes) {
  using Numbers = Few<float, N>;
  const int64_t row = program.rows == 1 ? 0 : i / program.n, column = i - row * program.n;
  for (int k = 0; k < program.inputs; k++) operands.at<Numbers>(k) = numbersAt<N>(program, k, row, column);
  Numbers result{};
  for (int k = 0; k < program.instructions; k++) {
    const auto [code, left, right] = program.instruction[k];
    const Numbers a = operands.at<Numbers>(left), b = operands.at<Numbers>(right);
    withFunction(code, [&](auto f) {
#pragma unroll
      for (int j = 0; j < N; j++) result.of[j] = f(a.of[j], b.of[j]);
    });
    operands.at<Numbers>(program.inputs + k) = result;
  }
  if (!codes) return writeFew(static_cast<float*>(y) + i, result);
  Few<uint8_t, N> rounded;
#pragma unroll
  for (int j = 0; j < N; j++) rounded.of[j] = codeOf(program, result.of[j]);
  writeFew(static_cast<uint8_t*>(y) + i, rounded);
}

template <int N> __global__ void __launch_bounds__(kThreads) runProgram(Program program, void* __restrict__ y, bool codes) {
  const int64_t count = program.rows * program.n;
  const Column operands{dynamicShared() + threadIdx.x * sizeof(Few<float, N>), kThreads * static_cast<int>(sizeof(Few<float, N>))};
  FOR_EACH(pack, (count + N - 1) / N) {
    const int64_t i = pack * N;
    if (i + N <= count) runAt<N>(program, i, operands, y, codes);
    else
      for (int64_t j = i; j < count; j++) runAt<1>(program, j, operands, y, codes);
  }
}

// Whether packs of four lie in rows of y and of the inputs.
bool inPacksOfFour(const Program& program, const View& y, bool codes) {
  bool fits = (program.rows == 1 || program.n % 4 == 0) && aligned(y.data, codes ? 4 : 16);
  for (int k = 0; k < program.inputs; k++)
    fits &= program.input[k].width == 1 || aligned(program.input[k].data, program.input[k].dtype == Dtype::float32 ? 16 : 4);
  return fits;
}

}  // namespace

bool fusedElementwise_cuda(const fusedElementwise_call& c) {
  const int64_t count = c.y.size();
  if (!count) return true;
  const Program program(c);
  const bool codes = c.y.dtype != Dtype::float32, packs = inPacksOfFour(program, c.y, codes);
  const int n = packs ? 4 : 1;
  Launch launch = launchOver((count + n - 1) / n, kThreads);
  launch.shared = static_cast<size_t>(program.inputs + program.instructions) * kThreads * sizeof(float) * static_cast<size_t>(n);
  run(packs ? runProgram<4> : runProgram<1>, launch, program, c.y.data, codes);
  return true;
}

}  // namespace lowbit
