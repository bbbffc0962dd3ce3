// Each pixel of x adds its weighted window to y: tap (p, q) of pixel (i, j) lands on (i·sh + p·dh − top, j·sw + q·dw − left).
// Computed per output, from the bias, p, then q, then c ascending, one fused multiply-add a step.
#include <cmath>

#include "outputs.h"

namespace lowbit {
namespace {

float outputAt(const Conv& p, int64_t n, int64_t i, int64_t j, int64_t o) {
  float sum = p.bias[o];
  for (int64_t r = 0; r < p.rows.kernel; r++) {
    const int64_t row = sourceOf(p.rows, i, r);
    if (row < 0) continue;
    for (int64_t s = 0; s < p.columns.kernel; s++) {
      const int64_t column = sourceOf(p.columns, j, s);
      if (column < 0) continue;
      const float* pixel = p.x + ((n * p.rows.input + row) * p.columns.input + column) * p.channels + o / p.groupOut * p.groupIn;
      const float* weights = p.w + ((o * p.rows.kernel + r) * p.columns.kernel + s) * p.groupIn;
      for (int64_t c = 0; c < p.groupIn; c++) sum = std::fma(pixel[c], weights[c], sum);
    }
  }
  return sum;
}

}  // namespace

bool convTranspose2d_reference(const convTranspose2d_call& call) { return eachOutput(Conv(call), outputAt); }

}  // namespace lowbit
