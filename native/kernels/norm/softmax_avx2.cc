#include "softmax_rows.h"

namespace lowbit {

bool softmax_avx2(const softmax_call& c) { return softmaxLines(c); }
bool logSoftmax_avx2(const logSoftmax_call& c) { return logSoftmaxLines(c); }
bool softmaxGrad_avx2(const softmaxGrad_call& c) { return softmaxGradLines(c); }
bool logSoftmaxGrad_avx2(const logSoftmaxGrad_call& c) { return logSoftmaxGradLines(c); }

}  // namespace lowbit
