#include "relu_vectors.h"

namespace lowbit {

bool relu_avx512(const relu_call& call) { return reluVectors(call); }
bool reluGrad_avx512(const reluGrad_call& call) { return reluGradVectors(call); }
bool add_avx512(const add_call& call) { return addVectors(call); }
bool addRelu_avx512(const addRelu_call& call) { return addReluVectors(call); }

}  // namespace lowbit
