// conv2d on register tiles (../gemm/tile.h): a tile is up to kRows pixels of one row of y by kPanel outputs of one group. There is no
// im2col: neighbouring pixels lie a constant step apart in x, and a tap is an offset.
//
// Where a tap is outside the image for some pixels of a tile, the tile is run tap by tap over the pixels that have it, the sums waiting
// in y.
#pragma once
#include "../../cpu/pool.h"
#include "panels.h"

namespace lowbit {
namespace {

// `count` pixels of y from (n, i, j).
static void convTile(const Conv& p, const Part& part, int64_t n, int64_t i, int64_t j, int64_t count) {
  const int64_t taps = p.columns.kernel, tapFloats = p.groupIn * panelWidth(part.outputs);
  const Inside rows = p.rows.taps(i);
  // Offset of tap (0, 0) of the first pixel; it may be in the padding.
  const int64_t origin = ((n * p.rows.input + p.rows.start(i)) * p.columns.input + p.columns.start(j)) * p.channels + part.firstIn;
  // Without dilation and groups the taps of a row are one run of memory.
  const bool joined = p.columns.dilation == 1 && p.groups == 1;

  Tile tile{};
  tile.xStep = p.columns.stride * p.channels;
  tile.rowStep = p.rows.dilation * p.columns.input * p.channels;
  tile.tapStep = p.columns.dilation * p.channels;
  tile.start = p.bias + part.firstOut;
  float* const y = tile.y = p.y + ((n * p.height + i) * p.width + j) * p.out + part.firstOut;
  tile.yStep = p.out;
  tile.outputs = part.outputs;

  if (p.columns.taps(j).first == 0 && p.columns.taps(j + count - 1).end == taps) {
    tile.x = p.x + (origin + rows.first * tile.rowStep);
    tile.panel = part.panel + rows.first * taps * tapFloats;
    tile.rows = rows.end - rows.first;
    tile.taps = joined ? 1 : taps;
    tile.length = joined ? taps * p.groupIn : p.groupIn;
    run(count, tile);
    return;
  }

  const auto pixelsWith = [&](int64_t tap) {
    return Inside(p.columns.start(j) + tap * p.columns.dilation, p.columns.stride, count, p.columns.input);
  };
  run(count, tile);  // no taps: y is the bias
  tile.startStep = tile.yStep;
  tile.rows = tile.taps = 1;
  for (int64_t r = rows.first; r < rows.end; r++) {
    for (int64_t s = 0, end; s < taps; s = end) {
      const Inside pixels = pixelsWith(s);
      for (end = s + 1; joined && end < taps && pixelsWith(end) == pixels;) end++;
      if (pixels.first == pixels.end) continue;
      tile.x = p.x + (origin + r * tile.rowStep + s * tile.tapStep + pixels.first * tile.xStep);
      tile.panel = part.panel + (r * taps + s) * tapFloats;
      tile.length = (end - s) * p.groupIn;
      tile.start = tile.y = y + pixels.first * tile.yStep;
      run(pixels.end - pixels.first, tile);
    }
  }
}

static void conv2dTiled(const Conv& p) {
  const Panels panels = packPanels(p);
  // Panel by panel, so that a panel stays in the cache while the image streams by.
  const Tiles tiles(p.width);
  const int64_t tilesOfPanel = p.batch * p.height * tiles.count;
  parallel(panels.count(p) * tilesOfPanel, 1 + kConvGrain / (tiles.height * (panels.floats + 1)), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) {
      const int64_t tile = at % tiles.count, row = at % tilesOfPanel / tiles.count;
      convTile(p, Part(p, panels, at / tilesOfPanel), row / p.height, row % p.height, tiles.first(tile), tiles.rows(tile));
    }
  });
}

}  // namespace
}  // namespace lowbit
