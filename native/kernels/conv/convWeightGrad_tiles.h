// conv2dWeightGrad, whichever way suits the shape.
#pragma once
#include "depthwiseWeightGrad.h"
#include "weightPanels.h"
#include "weightRows.h"

namespace lowbit {
namespace {

// Rows in place, or packed panels? Packing a vector costs as much as some multiply-adds, runs may fill their vectors badly. Beyond that
// panels are kinder to caches where pixels are far apart, and make longer blocks of small images.
static bool prefersRows(const WeightGrad& p, const WeightRows& rows, const WeightPanels& panels) {
  constexpr int64_t packCost = 6, manyOutputs = 64, farApart = 512, smallImage = 128;
  if (rows.vectors() * p.groupOut > panels.vectors() * (p.groupOut + packCost)) return false;
  return p.groupOut <= manyOutputs || (p.channels < farApart && p.height * p.width >= smallImage);
}

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
  if (prefersRows(p, rows, panels)) outerSums(sums, rows);
  else outerSums(sums, panels);
  return true;
}

}  // namespace
}  // namespace lowbit
