// Products of 8-bit codes with packed weights: the engines of qgemm and qconv2d, whose panels are filled from packed codes.
#pragma once
#include "../qconv/qconv2d_panels.h"
#include "../qgemm/qgemm_panels.h"
#include "fewRows.h"
#include "unpacked.h"

namespace lowbit {
namespace {

template <class C> INLINE PackedWeights weightsOf(const C& c, const View& packed) {
  return {packed.as<uint8_t>(), packed.shape[1], levelsOf(c)};
}

template <class V> bool lowbitGemm(const lowbitGemm_call& c) {
  const qgemm_call call = unpacked(c);
  const PackedWeights weights = weightsOf(c, c.b);
  return fewRows<V>(call, weights) || gemm<V>(call, weights);
}

template <class V> bool lowbitConv2d(const lowbitConv2d_call& c) { return convolve<V>(unpacked(c), weightsOf(c, c.w)); }

}  // namespace
}  // namespace lowbit
