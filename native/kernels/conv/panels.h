// The weights of a sweep in panels of kPanel outputs of one group: [group][panel][1 + kh·kw·c][kPanel], step 0 is the bias. Taps lie in
// the order in which the sweep adds them.
#pragma once
#include "../../cpu/f32/pack.h"
#include "../../cpu/pool.h"
#include "sweep.h"

namespace lowbit {
namespace {

constexpr int64_t kPackGrain = 1 << 15;  // floats worth a thread

struct Panels {
  int64_t perGroup, floats;
  float* packed;
  INLINE explicit Panels(const Sweep& p)
      : perGroup((p.groupOut + kPanel - 1) / kPanel), floats((1 + p.depth()) * kPanel), packed(nullptr) {}
  INLINE int64_t count(const Sweep& p) const { return p.groups * perGroup; }
};

// The part of a sweep that one panel computes.
struct Part {
  int64_t group, firstIn, firstOut, outputs;  // channels of x and of y
  float* panel;

  INLINE Part(const Sweep& p, const Panels& panels, int64_t i) : group(i / panels.perGroup) {
    const int64_t output = i % panels.perGroup * kPanel;
    firstIn = group * p.groupIn;
    firstOut = group * p.groupOut + output;
    outputs = p.groupOut - output < kPanel ? p.groupOut - output : kPanel;
    panel = panels.packed + i * panels.floats;
  }
};

static void packPart(const Sweep& p, const Part& part) {
  const int64_t width = panelWidth(part.outputs);
  for (int64_t j = 0; j < width; j++) part.panel[j] = p.bias && j < part.outputs ? p.bias[part.firstOut + j] : 0;
  float* to = part.panel + width;
  if (p.packed) return p.packed->pack(part.firstOut, part.outputs, p.depth(), to);
  const float* from = p.w + part.group * p.weight.group + (part.firstOut - part.group * p.groupOut) * p.weight.out;
  const bool inOrder = p.rowTaps.step == 1 && p.columnTaps.step == 1;  // all taps, as they lie in memory
  if (inOrder && p.weight.in == 1) return packRows(from, p.weight.out, part.outputs, p.depth(), to);
  for (int64_t r = 0; r < p.rows.kernel; r++) {
    for (int64_t s = 0; s < p.columns.kernel; s++, to += p.groupIn * width) {
      const int64_t tap = (p.rowTaps.first + r * p.rowTaps.step) * p.weightColumns + p.columnTaps.first + s * p.columnTaps.step;
      if (p.weight.in == 1) packRows(from + tap * p.weight.tap, p.weight.out, part.outputs, p.groupIn, to);
      else packColumns(from + tap * p.weight.tap, p.weight.in, part.outputs, p.groupIn, to);
    }
  }
}

static void packPanels(const Sweep& p, const Panels& panels) {
  parallel(panels.count(p), 1 + kPackGrain / panels.floats, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) packPart(p, Part(p, panels, i));
  });
}

}  // namespace
}  // namespace lowbit
