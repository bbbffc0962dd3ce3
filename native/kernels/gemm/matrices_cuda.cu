// Products of matrices with the bytes of the references.
#include "matrices.cuh"

namespace lowbit {

using Rows = MatrixRows<Exact>;

bool gemm_cuda(const gemm_call& c) { return Rows::gemm(c); }
bool gemmAddClip_cuda(const gemmAddClip_call& c) { return Rows::gemmAddClip(c); }
bool matmul_cuda(const matmul_call& c) { return Rows::matmul(Matmul(c.a, c.b, c.y)); }
bool matmulTransposed_cuda(const matmulTransposed_call& c) {
  return Rows::matmul(Matmul(c.a, c.b, c.y, c.transposeA != 0, c.transposeB != 0));
}
bool gemmWeightGrad_cuda(const gemmWeightGrad_call& c) { return Rows::weightGrad(c); }

}  // namespace lowbit
