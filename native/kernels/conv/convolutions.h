// The convolutions as sweeps, for the instruction set of the including file. Declined: float64, and zeros beside x that would be wider
// than x.
#pragma once
#include "depthwise.h"
#include "tiles.h"

namespace lowbit {
namespace {

INLINE bool takes(const Sweep& p) { return p.isDepthwise() || Halo(p).isNarrow(p); }

INLINE bool sweep(const Sweep& p) { return p.isDepthwise() ? depthwise(p) : sweepTiles(flattened(p)); }

// conv2d and what is like it
template <class C> INLINE bool convolution(const C& call, const Finish<float>& finish = {}) {
  if (call.x.dtype != Dtype::float32) return false;
  Sweep all(convOf(call), call.x, call.w, &call.bias, nullptr, call.y);
  all.kept = call.kept;
  all.finish = finish;
  return takes(all) && sweep(all);
}

INLINE bool finishedConvolution(const conv2dAddClip_call& call) {
  return convolution(call, finishOf<float>(call.plus, call.y, call.min, call.max));
}

INLINE bool transposed(const convTranspose2d_call& call) {
  if (call.x.dtype != Dtype::float32) return false;
  const Sweep all(convOf(call), call.x, call.w, &call.bias, nullptr, call.y);
  return eachPhase(all, takes) && eachPhase(all, sweep);
}

INLINE bool inputGrad(const conv2dInputGrad_call& call) {
  if (call.dy.dtype != Dtype::float32) return false;
  const Sweep all(convOf(call), call.dy, call.w, nullptr, &call.plus, call.dx);
  return eachPhase(all, takes) && eachPhase(all, sweep);
}

}  // namespace
}  // namespace lowbit
