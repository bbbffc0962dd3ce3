// conv2dWeightGrad, whichever way suits the shape.
#pragma once
#include "depthwiseWeightGrad.h"
#include "weightPanels.h"
#include "weightRows.h"

namespace lowbit {
namespace {

constexpr int64_t kPackCost = 6;        // of a packed vector, in multiply-adds
constexpr int64_t kPackedOutputs = 64;  // from here on packing costs little, and panels are kinder to caches

static bool conv2dWeightGradTiled(const conv2dWeightGrad_call& call) {
  if (call.dy.dtype != Dtype::float32) return false;
  const WeightGrad p(call);
  const float *dy = call.dy.as<float>(), *x = call.x.as<float>();
  float* const dw = call.dw.as<float>();
  if (!call.dw.size()) return true;
  if (p.groups > 1 && p.groupIn == 1 && p.groupOut == 1) {
    depthwiseWeightGrad(p, dy, x, dw);
    return true;
  }
  const OuterSums sums{p.groups, p.chunks, p.groupOut, p.depth(), p.out, dw};
  const WeightRows rows(p, dy, x);
  const WeightPanels panels(p, dy, x);
  if (p.groupOut <= kPackedOutputs && rows.vectors() * p.groupOut <= panels.vectors() * (p.groupOut + kPackCost)) outerSums(sums, rows);
  else outerSums(sums, panels);
  return true;
}

}  // namespace
}  // namespace lowbit
