// Quotients of whole numbers by one that is the same for all threads, without a division (Granlund and Montgomery, 1994).
#pragma once
#include "device.cuh"

namespace lowbit {
namespace {

// n / by = (n·multiplier / 2^32 + n) / 2^shift for n below 2^31, with 2^(shift - 1) < by ≤ 2^shift.
struct Divisor {
  int by;
  uint32_t multiplier, shift;

  explicit Divisor(int64_t divisor) : by(static_cast<int>(divisor)), multiplier(0), shift(0) {
    while (int64_t{1} << shift < divisor) shift++;
    const uint64_t over = (uint64_t{1} << shift) - static_cast<uint64_t>(divisor);
    multiplier = static_cast<uint32_t>((over << 32) / static_cast<uint64_t>(divisor) + 1);
  }
  DEVICE int quotient(int n) const {
    const uint32_t u = static_cast<uint32_t>(n);
    return static_cast<int>((__umulhi(u, multiplier) + u) >> shift);
  }
};

}  // namespace
}  // namespace lowbit
