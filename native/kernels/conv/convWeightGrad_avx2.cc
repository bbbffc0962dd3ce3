#include "depthwiseWeightGrad.h"
#include "weightPanels.h"

namespace lowbit {

bool conv2dWeightGrad_avx2(const conv2dWeightGrad_call& call) {
  if (call.dy.dtype != Dtype::float32) return false;
  const WeightGrad p(call);
  const float *dy = call.dy.as<float>(), *x = call.x.as<float>();
  if (p.groups > 1 && p.groupIn == 1 && p.groupOut == 1) depthwiseWeightGrad(p, dy, x, call.dw.as<float>());
  else conv2dWeightGradTiled(p, dy, x, call.dw.as<float>());
  return true;
}

}  // namespace lowbit
