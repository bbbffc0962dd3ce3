// Convolutions whose factors are rounded to tf32, on tensor cores.
#include "../../cuda/tensorProduct.cuh"
#include "convolutions.cuh"

namespace lowbit {

using Rows = ConvolutionRows<Rounded<Tf32>>;

bool conv2d_tf32(const conv2d_call& c) { return Rows::conv2d(c); }
bool conv2dAddClip_tf32(const conv2dAddClip_call& c) { return Rows::conv2dAddClip(c); }
bool convTranspose2d_tf32(const convTranspose2d_call& c) { return Rows::convTranspose2d(c); }
bool conv2dInputGrad_tf32(const conv2dInputGrad_call& c) { return Rows::conv2dInputGrad(c); }
bool conv2dWeightGrad_tf32(const conv2dWeightGrad_call& c) { return Rows::conv2dWeightGrad(c); }

}  // namespace lowbit
