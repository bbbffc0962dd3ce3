// The weights of a convolution in panels of kPanel outputs of one group: [group][panel][kh][kw][c][kPanel].
#pragma once
#include "../../core/scratch.h"
#include "../../cpu/f32/pack.h"
#include "../../cpu/pool.h"
#include "conv2d.h"

namespace lowbit {
namespace {

constexpr int64_t kConvGrain = 1 << 20;  // multiply-adds worth a thread: about 7 us
constexpr int64_t kPackGrain = 1 << 15;  // floats worth a thread

struct Panels {
  int64_t perGroup, floats;
  float* packed;
  INLINE explicit Panels(const Conv& p) : perGroup((p.groupOut + kPanel - 1) / kPanel), floats(p.depth() * kPanel), packed(nullptr) {}
  INLINE int64_t count(const Conv& p) const { return p.groups * perGroup; }
};

// The part of a convolution that one panel computes.
struct Part {
  int64_t firstIn, firstOut, outputs;  // channels of x and of y
  const float* panel;

  INLINE Part(const Conv& p, const Panels& panels, int64_t i) {
    const int64_t group = i / panels.perGroup, output = i % panels.perGroup * kPanel;
    firstIn = group * p.groupIn;
    firstOut = group * p.groupOut + output;
    outputs = p.groupOut - output < kPanel ? p.groupOut - output : kPanel;
    panel = panels.packed + i * panels.floats;
  }
};

static Panels packPanels(const Conv& p) {
  Panels panels(p);
  panels.packed = static_cast<float*>(scratch(static_cast<size_t>(panels.count(p) * panels.floats) * sizeof(float)));
  parallel(panels.count(p), 1 + kPackGrain / (panels.floats + 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const Part part(p, panels, i);
      packRows(p.w + part.firstOut * p.depth(), part.outputs, p.depth(), panels.packed + i * panels.floats);
    }
  });
  return panels;
}

}  // namespace
}  // namespace lowbit
