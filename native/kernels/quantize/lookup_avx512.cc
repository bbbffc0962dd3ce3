#include "lookup_vectors.h"

namespace lowbit {

bool qlookup_avx512(const qlookup_call& c) { return lookUp(c); }

}  // namespace lowbit
