// Products with packed low-bit weights: those weights unpacked, then the reference of the product with int8 or float32 weights.
#include <vector>

#include "unpacked.h"

namespace lowbit {
namespace {

// Element (o, i) is level(code i of row o).
std::vector<int8_t> levelsOf(const View& packed, int64_t row, const Levels& levels) {
  std::vector<int8_t> all(static_cast<size_t>(packed.shape[0] * row));
  for (int64_t o = 0; o < packed.shape[0]; o++)
    for (int64_t i = 0; i < row; i++)
      all[static_cast<size_t>(o * row + i)] = levels.level(levels.codeAt(packed.as<uint8_t>() + o * packed.shape[1], i));
  return all;
}

// Element (o, i) is f32(level·scale[o]).
std::vector<float> weightsOf(const View& packed, const View& scale, int64_t row, const Levels& levels) {
  const std::vector<int8_t> all = levelsOf(packed, row, levels);
  std::vector<float> weights(all.size());
  for (size_t i = 0; i < all.size(); i++) weights[i] = static_cast<float>(all[i]) * scale.as<float>()[static_cast<int64_t>(i) / row];
  return weights;
}

}  // namespace

bool lowbitGemm_reference(const lowbitGemm_call& c) {
  qgemm_call call = unpacked(c);
  std::vector<int8_t> weights = levelsOf(c.b, call.b.shape[1], levelsOf(c));
  call.b.data = weights.data();
  return qgemm_reference(call);
}

bool lowbitConv2d_reference(const lowbitConv2d_call& c) {
  qconv2d_call call = unpacked(c);
  std::vector<int8_t> weights = levelsOf(c.w, call.w.count(1, 4), levelsOf(c));
  call.w.data = weights.data();
  return qconv2d_reference(call);
}

bool lowbitGemmFloat_reference(const lowbitGemmFloat_call& c) {
  gemm_call call = unpacked(c);
  std::vector<float> weights = weightsOf(c.b, c.scale, call.b.shape[1], levelsOf(c));
  call.b.data = weights.data();
  return gemm_reference(call);
}

bool lowbitConv2dFloat_reference(const lowbitConv2dFloat_call& c) {
  conv2d_call call = unpacked(c);
  std::vector<float> weights = weightsOf(c.w, c.scale, call.w.count(1, 4), levelsOf(c));
  call.w.data = weights.data();
  return conv2d_reference(call);
}

}  // namespace lowbit
