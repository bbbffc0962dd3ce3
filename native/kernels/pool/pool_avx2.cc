// The loops of the references over channels, eight at a time.
#include "grad.h"

namespace lowbit {

bool maxPool2d_avx2(const maxPool2d_call& call) {
  if (call.x.dtype != Dtype::float32) return false;
  maxPoolTyped<float>(call);
  return true;
}

bool averagePool2d_avx2(const averagePool2d_call& call) {
  if (call.x.dtype != Dtype::float32) return false;
  averagePoolTyped<float>(call);
  return true;
}

bool maxPool2dGrad_avx2(const maxPool2dGrad_call& call) {
  if (call.x.dtype != Dtype::float32) return false;
  maxPoolGradTyped<float>(call);
  return true;
}

bool averagePool2dGrad_avx2(const averagePool2dGrad_call& call) {
  if (call.dy.dtype != Dtype::float32) return false;
  averagePoolGradTyped<float>(call);
  return true;
}

}  // namespace lowbit
