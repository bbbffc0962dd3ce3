// Convolutions with the bytes of the references.
#include "convolutions.cuh"

namespace lowbit {

using Rows = ConvolutionRows<Exact>;

bool conv2d_cuda(const conv2d_call& c) { return Rows::conv2d(c); }
bool conv2dAddClip_cuda(const conv2dAddClip_call& c) { return Rows::conv2dAddClip(c); }
bool convTranspose2d_cuda(const convTranspose2d_call& c) { return Rows::convTranspose2d(c); }
bool conv2dInputGrad_cuda(const conv2dInputGrad_call& c) { return Rows::conv2dInputGrad(c); }
bool conv2dWeightGrad_cuda(const conv2dWeightGrad_call& c) { return Rows::conv2dWeightGrad(c); }

}  // namespace lowbit
