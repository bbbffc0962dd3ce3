#include "gemm_tiles.h"

namespace lowbit {

bool gemm_avx512(const gemm_call& call) { return gemmTiled(call); }
bool matmul_avx512(const matmul_call& call) { return matmulTiled(call); }

}  // namespace lowbit
