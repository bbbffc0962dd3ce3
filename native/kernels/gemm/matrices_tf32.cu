// Products of matrices whose factors are rounded to tf32, on tensor cores.
#include "../../cuda/tensorProduct.cuh"
#include "matrices.cuh"

namespace lowbit {

using Rows = MatrixRows<Rounded<Tf32>>;

bool gemm_tf32(const gemm_call& c) { return Rows::gemm(c); }
bool gemmAddClip_tf32(const gemmAddClip_call& c) { return Rows::gemmAddClip(c); }
bool matmul_tf32(const matmul_call& c) { return Rows::matmul(Matmul(c.a, c.b, c.y)); }
bool matmulTransposed_tf32(const matmulTransposed_call& c) {
  return Rows::matmul(Matmul(c.a, c.b, c.y, c.transposeA != 0, c.transposeB != 0));
}
bool gemmWeightGrad_tf32(const gemmWeightGrad_call& c) { return Rows::weightGrad(c); }

}  // namespace lowbit
