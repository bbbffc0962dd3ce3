#include "convolutions.h"

namespace lowbit {

bool conv2d_avx512(const conv2d_call& call) { return convolution(call); }
bool conv2dAddClip_avx512(const conv2dAddClip_call& call) { return finishedConvolution(call); }
bool convTranspose2d_avx512(const convTranspose2d_call& call) { return transposed(call); }
bool conv2dInputGrad_avx512(const conv2dInputGrad_call& call) { return inputGrad(call); }

}  // namespace lowbit
