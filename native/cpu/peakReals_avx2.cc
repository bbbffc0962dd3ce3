#include "f32/vector.h"
#include "peakChains.h"
#include "peakRows.h"

namespace lowbit {

int64_t peakReals_avx2(int64_t rounds) {
  return kWidth * chains<12>(rounds, repeat(0.5f), repeat(0.001f), [](Vector sum, Vector a, Vector b) { return multiplyAdd(a, b, sum); });
}

}  // namespace lowbit
