#include "fused.h"

namespace lowbit {

float fusedAnywhere(float a, float b, float c) {
  const double sum = static_cast<double>(a) * static_cast<double>(b) + static_cast<double>(c);
  uint64_t bits;
  memcpy(&bits, &sum, sizeof bits);
  const bool middle = (bits & 0x1fffffff) == 0x10000000, small = __builtin_fabs(sum) < 0x1p-126 && sum != 0;
  return middle || small || sum != sum ? __builtin_fmaf(a, b, c) : static_cast<float>(sum);
}

}  // namespace lowbit
