// y[n, i, j, o] = bias[o] + Σ x[n, i·sh + p·dh − top, j·sw + q·dw − left, c]·w[o, p, q, c]: p, then q, then c ascend, one fused
// multiply-add a step, starting from the bias; taps (p, q) outside the image are skipped.
#include <cmath>

#include "outputs.h"

namespace lowbit {
namespace {

float outputAt(const Conv& p, int64_t n, int64_t i, int64_t j, int64_t o) {
  float sum = p.bias[o];
  const Inside rows = p.rows.taps(i), columns = p.columns.taps(j);
  for (int64_t r = rows.first; r < rows.end; r++) {
    for (int64_t s = columns.first; s < columns.end; s++) {
      const int64_t row = p.rows.start(i) + r * p.rows.dilation, column = p.columns.start(j) + s * p.columns.dilation;
      const float* pixel = p.x + ((n * p.rows.input + row) * p.columns.input + column) * p.channels + o / p.groupOut * p.groupIn;
      const float* weights = p.w + ((o * p.rows.kernel + r) * p.columns.kernel + s) * p.groupIn;
      for (int64_t c = 0; c < p.groupIn; c++) sum = std::fma(pixel[c], weights[c], sum);
    }
  }
  return sum;
}

}  // namespace

bool conv2d_reference(const conv2d_call& call) { return eachOutput(Conv(call), outputAt); }

}  // namespace lowbit
