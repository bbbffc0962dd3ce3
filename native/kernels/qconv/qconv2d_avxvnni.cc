#include "../../cpu/int8/vector_avxvnni.h"
#include "qconv2d_panels.h"

namespace lowbit {

bool qconv2d_avxvnni(const qconv2d_call& c) { return convolve<Vector>(c); }

}  // namespace lowbit
