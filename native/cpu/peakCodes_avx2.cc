#include "int8/vector_avx2.h"
#include "peakChains.h"
#include "peakRows.h"

namespace lowbit {

int64_t peakCodes_avx2(int64_t rounds) {
  constexpr int kProducts = Vector::kLanes * Vector::kGroup;
  return kProducts *
         chains<12>(rounds, Vector::repeat(3), Vector::repeat(5), [](auto sums, auto a, auto b) { return Vector::dot(sums, a, b); });
}

}  // namespace lowbit
