#include "../../cpu/int8/vector_avx512vnni.h"
#include "qconv2d_panels.h"

namespace lowbit {

bool qconv2d_avx512vnni(const qconv2d_call& c) { return convolve<Vector>(c); }

}  // namespace lowbit
