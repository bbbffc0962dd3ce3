// Convolutions whose factors are rounded to bfloat16, on tensor cores.
#include "../../cuda/tensorProduct.cuh"
#include "convolutions.cuh"

namespace lowbit {

using Rows = ConvolutionRows<Rounded<Bf16>>;

bool conv2d_bf16(const conv2d_call& c) { return Rows::conv2d(c); }
bool conv2dAddClip_bf16(const conv2dAddClip_call& c) { return Rows::conv2dAddClip(c); }
bool convTranspose2d_bf16(const convTranspose2d_call& c) { return Rows::convTranspose2d(c); }
bool conv2dInputGrad_bf16(const conv2dInputGrad_call& c) { return Rows::conv2dInputGrad(c); }
bool conv2dWeightGrad_bf16(const conv2dWeightGrad_call& c) { return Rows::conv2dWeightGrad(c); }

}  // namespace lowbit
