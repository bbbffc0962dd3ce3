#include "../../cpu/int8/vector_avx512vnni.h"
#include "qmatmul_bytes.h"

namespace lowbit {

bool qmatmul_avx512vnni(const qmatmul_call& c) { return matmul<Vector>(c); }

}  // namespace lowbit
