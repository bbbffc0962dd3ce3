// The engine of gemm, whose panels are filled from packed codes.
#pragma once
#include "../../cpu/f32/packLevels.h"
#include "../gemm/gemm_tiles.h"
#include "fewFloatRows.h"
#include "unpacked.h"

namespace lowbit {
namespace {

INLINE bool lowbitGemmTiled(const lowbitGemmFloat_call& c) {
  const PackedRows rows{c.b.as<uint8_t>(), c.b.shape[1], levelsOf(c), c.scale.as<float>()};
  const int64_t k = c.a.dim(-1);
  const gemm_call call = unpacked(c);
  return fewRows(call, rows) || gemmOf(call, [&](int64_t first, int64_t outputs, float* panel) { rows.pack(first, outputs, k, panel); });
}

}  // namespace
}  // namespace lowbit
