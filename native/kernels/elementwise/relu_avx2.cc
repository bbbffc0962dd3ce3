#include "relu_vectors.h"

namespace lowbit {

bool relu_avx2(const relu_call& call) { return reluVectors(call); }
bool reluGrad_avx2(const reluGrad_call& call) { return reluGradVectors(call); }
bool clip_avx2(const clip_call& call) { return clipVectors(call); }

}  // namespace lowbit
