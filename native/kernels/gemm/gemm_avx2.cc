#include "outer_products.h"

namespace lowbit {

bool gemm_avx2(const gemm_call& call) { return gemmTiled(call); }
bool gemmAddClip_avx2(const gemmAddClip_call& call) { return finishedGemm(call); }
bool gemmWeightGrad_avx2(const gemmWeightGrad_call& call) { return gemmWeightGradTiled(call); }
bool matmul_avx2(const matmul_call& call) { return matmulTiled(Matmul(call.a, call.b, call.y)); }
bool matmulTransposed_avx2(const matmulTransposed_call& call) {
  return matmulTiled(Matmul(call.a, call.b, call.y, call.transposeA != 0, call.transposeB != 0));
}

}  // namespace lowbit
