// Convolutions of codes with int8 weights: cuda/windows.cuh.
#include "../../cuda/windows.cuh"

namespace lowbit {

bool qconv2d_cuda(const qconv2d_call& c) {
  EXPECT(c.w.dtype == Dtype::int8);
  const int64_t depth = c.w.count(1, 4), outputs = c.w.shape[0] / c.groups.integer();
  return convolveCodes(c, pieceOf(c.w.data, depth), [&]<int piece>(std::integral_constant<int, piece>) {
    return MatrixRows<piece>{c.w.as<uint8_t>(), outputs, static_cast<int>(depth), outputs * depth};
  });
}

}  // namespace lowbit
