#include "grad.h"

namespace lowbit {

// dx = Σ dy of the windows whose first largest tap, in (kh, kw) order, is this pixel
bool maxPool2dGrad_reference(const maxPool2dGrad_call& call) {
  EXPECT(call.x.dtype == Dtype::float32 || call.x.dtype == Dtype::float64);
  if (call.x.dtype == Dtype::float32) maxPoolGradTyped<float>(call);
  else maxPoolGradTyped<double>(call);
  return true;
}

// dx = Σ dy / how many taps count, over the windows that have this pixel
bool averagePool2dGrad_reference(const averagePool2dGrad_call& call) {
  EXPECT(call.dy.dtype == Dtype::float32 || call.dy.dtype == Dtype::float64);
  if (call.dy.dtype == Dtype::float32) averagePoolGradTyped<float>(call);
  else averagePoolGradTyped<double>(call);
  return true;
}

}  // namespace lowbit
