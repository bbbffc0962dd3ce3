#include "../../cpu/int8/vector_avx2.h"
#include "qconv2d_panels.h"

namespace lowbit {

bool qconv2d_avx2(const qconv2d_call& c) { return convolve<Vector>(c); }

}  // namespace lowbit
