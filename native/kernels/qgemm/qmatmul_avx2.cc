#include "qmatmul_panels.h"
#include "vector_avx2.h"

namespace lowbit {

bool qmatmul_avx2(const qmatmul_call& c) { return matmul<Vector>(c); }

}  // namespace lowbit
