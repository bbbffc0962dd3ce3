#include "qmatmul_panels.h"
#include "vector_avx512vnni.h"

namespace lowbit {

bool qmatmul_avx512vnni(const qmatmul_call& c) { return matmul<WideVector>(c); }

}  // namespace lowbit
