// A product of warpgroups in the emulation, right and with one mistake of each kind that a card would not report. Prints, for each, how
// many of three launches gave the right sums, others, and a fault.
#include <stdio.h>

#include <stdexcept>
#include <vector>

#include "../../native/cuda/warpgroup.cuh"

namespace lowbit {
namespace {

enum Mistake {
  none,
  noWaitForFull,
  noWaitForEmpty,
  anotherPhase,
  leftWhileRead,
  notFinished,
  fewBytes,
  manyArrivals,
  rowsElsewhere,
  stepElsewhere,
  notBegun,
  kinds
};

constexpr int kRows = 64, kStages = 2, kSteps = 5, kDepth = kSteps * kBoxBytes, kTile = kRows * kBoxBytes, kStage = 2 * kTile;

// sums (64 × 64) = a (64 × kDepth) · b (64 × kDepth)ᵀ: warpgroup 0 loads, warpgroup 1 multiplies.
void product(Mistake mistake, const TensorMap& a, const TensorMap& b, int* out) {
  unsigned char* const shared = tileShared();
  PhaseBarrier *const full = reinterpret_cast<PhaseBarrier*>(shared + kStages * kStage), *const empty = full + kStages;
  if (threadIdx.x == 0 && mistake != notBegun)
    for (int stage = 0; stage < kStages; stage++) {
      full[stage].begin(1);
      empty[stage].begin(4);
    }
  __syncthreads();
  const auto stageOf = [](int step) { return step % kStages; };
  const auto parityOf = [](int step) { return step / kStages & 1; };

  if (threadIdx.x < 128) {
    for (int step = 0; threadIdx.x == 0 && step < kSteps; step++) {
      const int stage = stageOf(step);
      if (mistake != noWaitForEmpty) empty[stage].wait(parityOf(step) ^ (mistake == anotherPhase ? 0 : 1));
      full[stage].arriveExpecting(kStage - (mistake == fewBytes ? 128 : 0));
      if (mistake == manyArrivals) full[stage].arrive();
      loadBox(shared + stage * kStage, a, step * kBoxBytes, 0, full[stage]);
      loadBox(shared + stage * kStage + kTile, b, step * kBoxBytes, 0, full[stage]);
    }
    return;
  }
  int sums[kRows / 2];
  for (int step = 0; step < kSteps; step++) {
    const int stage = stageOf(step);
    if (mistake != noWaitForFull) full[stage].wait(parityOf(step));
    const uint64_t elsewhere = mistake == rowsElsewhere ? uint64_t{1} << 32 : 0;
    const uint64_t left = tileOf(shared + stage * kStage), right = tileOf(shared + stage * kStage + kTile) + elsewhere;
    beginProducts();
    for (int k = 0; k < 4; k++) multiplyGroupU8S8(sums, left + 2 * k, right + (mistake == stepElsewhere ? 1 : 2) * k, step + k > 0);
    commitProducts();
    if (mistake != leftWhileRead && mistake != notFinished) waitProducts<0>();
    if (threadIdx.x % 32 == 0) empty[stage].arrive();
  }
  if (mistake != notFinished) finishProducts(sums);
  const int row = static_cast<int>(threadIdx.x) % 128 / 32 * 16 + static_cast<int>(threadIdx.x) % 32 / 4;
  for (int i = 0; i < kRows / 2; i++)
    out[(row + i / 2 % 2 * 8) * kRows + i / 4 * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + i % 2] = sums[i];
}

void report(Mistake mistake, const std::vector<uint8_t>& a, const std::vector<int8_t>& b, const std::vector<int>& want) {
  const TensorMap left = tensorMapOf(a.data(), kDepth, kRows, kRows), right = tensorMapOf(b.data(), kDepth, kRows, kRows);
  int rights = 0, others = 0, faults = 0;
  for (int launch = 0; launch < 3; launch++) {
    std::vector<int> sums(want.size());
    try {
      emulation::launch(dim3(1), dim3(256), kStages * kStage + 64, [&] { product(mistake, left, right, sums.data()); });
      (sums == want ? rights : others)++;
    } catch (const std::logic_error&) {
      faults++;
    }
  }
  printf("%d %d %d\n", rights, others, faults);
}

}  // namespace
}  // namespace lowbit

int main() {
  using namespace lowbit;
  std::vector<uint8_t> a(kRows * kDepth);
  std::vector<int8_t> b(kRows * kDepth);
  for (size_t i = 0; i < a.size(); i++) a[i] = static_cast<uint8_t>(i * i * 7 + i / 5), b[i] = static_cast<int8_t>(i * i * 3 + i / 7);
  std::vector<int> want(kRows * kRows);
  for (int i = 0; i < kRows; i++)
    for (int j = 0; j < kRows; j++)
      for (int k = 0; k < kDepth; k++) want[i * kRows + j] += a[i * kDepth + k] * b[j * kDepth + k];
  for (int mistake = 0; mistake < kinds; mistake++) report(static_cast<Mistake>(mistake), a, b, want);
}
