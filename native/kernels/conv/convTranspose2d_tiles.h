// convTranspose2d on register tiles: tap (r, s) of neighbouring pixels of x lands on pixels of y that are a stride apart, so a tap is a
// product of up to kRows pixels with the tap's weights, added to sums that wait in y. A row of y starts as the bias and takes its
// taps in order.
#pragma once
#include <string.h>

#include "panels.h"

namespace lowbit {
namespace {

// Adds tap (r, s) of row `source` of x to row (n, i) of y.
static void addTap(const Conv& p, const Part& part, int64_t n, int64_t i, int64_t source, int64_t r, int64_t s) {
  // Pixel q of x lands on column at + q·stride.
  const int64_t at = s * p.columns.dilation - p.columns.pad;
  const Inside landing(at, p.columns.stride, p.columns.input, p.width);
  const Tiles tiles(landing.end - landing.first);
  Tile tile{};
  tile.xStep = p.channels;
  tile.rows = tile.taps = 1;
  tile.length = p.groupIn;
  tile.panel = part.panel + (r * p.columns.kernel + s) * p.groupIn * panelWidth(part.outputs);
  tile.yStep = tile.startStep = p.columns.stride * p.out;
  tile.outputs = part.outputs;
  for (int64_t t = 0; t < tiles.count; t++) {
    const int64_t q = landing.first + tiles.first(t);
    tile.x = p.x + ((n * p.rows.input + source) * p.columns.input + q) * p.channels + part.firstIn;
    tile.start = tile.y = p.y + ((n * p.height + i) * p.width + at + q * p.columns.stride) * p.out + part.firstOut;
    run(tiles.rows(t), tile);
  }
}

static void transposeRow(const Conv& p, const Part& part, int64_t n, int64_t i) {
  float* y = p.y + (n * p.height + i) * p.width * p.out + part.firstOut;
  for (int64_t j = 0; j < p.width; j++) memcpy(y + j * p.out, p.bias + part.firstOut, static_cast<size_t>(part.outputs) * sizeof(float));
  for (int64_t r = 0; r < p.rows.kernel; r++) {
    const int64_t source = sourceOf(p.rows, i, r);
    for (int64_t s = 0; source >= 0 && s < p.columns.kernel; s++) addTap(p, part, n, i, source, r, s);
  }
}

static bool convTranspose2dTiled(const convTranspose2d_call& call) {
  const Conv p(call);
  const Panels panels = packPanels(p);
  const int64_t rows = p.batch * p.height;
  parallel(panels.count(p) * rows, 1 + kConvGrain / (p.width * (panels.floats + 1)), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) transposeRow(p, Part(p, panels, at / rows), at % rows / p.height, at % rows % p.height);
  });
  return true;
}

}  // namespace
}  // namespace lowbit
