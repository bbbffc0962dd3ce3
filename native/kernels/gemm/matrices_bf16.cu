// Products of matrices whose factors are rounded to bfloat16, on tensor cores.
#include "../../cuda/tensorProduct.cuh"
#include "matrices.cuh"

namespace lowbit {

using Rows = MatrixRows<Rounded<Bf16>>;

bool gemm_bf16(const gemm_call& c) { return Rows::gemm(c); }
bool gemmAddClip_bf16(const gemmAddClip_call& c) { return Rows::gemmAddClip(c); }
bool matmul_bf16(const matmul_call& c) { return Rows::matmul(Matmul(c.a, c.b, c.y)); }
bool matmulTransposed_bf16(const matmulTransposed_call& c) {
  return Rows::matmul(Matmul(c.a, c.b, c.y, c.transposeA != 0, c.transposeB != 0));
}
bool gemmWeightGrad_bf16(const gemmWeightGrad_call& c) { return Rows::weightGrad(c); }

}  // namespace lowbit
