// The vector rows of qconv2d.
#pragma once
#include "dense.h"
#include "depthwise.h"

namespace lowbit {
namespace {

// The weights come from w, int8 or packed; of c.w only type and shape are read.
template <class V, class W> bool convolve(const qconv2d_call& c, const W& w) {
  const int64_t channels = c.x.shape[3], outputs = c.w.shape[0], groups = c.groups.integer();
  EXPECT(c.w.dtype == Dtype::int8 && channels == c.w.shape[3] * groups && c.y.shape[3] == outputs);
  EXPECT(c.bias.size() == outputs && c.scale.size() == outputs && c.pads.count == 4 && c.strides.count == 2);
  if (c.wZero.integer() != 0) return false;
  if (!c.y.size()) return true;
  return groups == channels && groups == outputs ? depthwiseConvolution<V>(c, w) : denseConvolution<V>(c, w);
}

template <class V> bool convolve(const qconv2d_call& c) { return convolve<V>(c, Int8Weights{c.w.as<int8_t>(), c.w.count(1, 4)}); }

}  // namespace
}  // namespace lowbit
