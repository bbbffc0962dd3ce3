// The engine of conv2d, whose panels are filled from packed codes. The few weights of a depthwise convolution are unpacked before it.
#pragma once
#include <stdlib.h>

#include "../conv/depthwise.h"
#include "../conv/tiles.h"
#include "unpacked.h"

namespace lowbit {
namespace {

static bool lowbitDepthwise(Sweep& sweep, const PackedRows& rows) {
  const int64_t taps = sweep.depth();
  float* weights = static_cast<float*>(malloc(static_cast<size_t>(sweep.out * taps + 1) * sizeof(float)));
  if (!weights) return false;
  for (int64_t o = 0; o < sweep.out; o++)
    for (int64_t i = 0; i < taps; i++)
      weights[o * taps + i] = static_cast<float>(rows.levels.level(rows.levels.codeAt(rows.codes + o * rows.rowBytes, i))) * rows.scale[o];
  sweep.w = weights;
  const bool done = depthwise(sweep);
  free(weights);
  return done;
}

INLINE bool lowbitConvolution(const lowbitConv2dFloat_call& c) {
  const conv2d_call call = unpacked(c);
  Sweep sweep(convOf(call), call.x, call.w, &call.bias, nullptr, call.y);
  const PackedRows rows{c.w.as<uint8_t>(), c.w.shape[1], levelsOf(c), c.scale.as<float>()};
  if (sweep.isDepthwise()) return lowbitDepthwise(sweep, rows);
  if (!Halo(sweep).isNarrow(sweep)) return false;
  sweep.packed = &rows;
  sweep.kept = c.kept;
  return sweepTiles(flattened(sweep));
}

}  // namespace
}  // namespace lowbit
