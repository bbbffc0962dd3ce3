// A sweep on register tiles (cpu/f32/tile.h): a tile is some pixels of one row of y by kPanel outputs of one group. There is no im2col:
// neighbouring pixels lie a constant step apart in x, a tap is an offset, and without dilation the taps of a row are one run of memory.
// The multiply-add ports are the limit; with at most one vector of outputs it is loads, one for each multiply-add.
#pragma once
#include "../../core/scratch.h"
#include "band.h"

namespace lowbit {
namespace {

constexpr int64_t kConvGrain = 1 << 20;       // multiply-adds worth a thread: about 7 us
constexpr int64_t kTogetherFloats = 1 << 16;  // 256 KB

// `count` pixels of y from (n, i, j).
static void convTile(const Sweep& p, const Part& part, const Pixels& pixels, int64_t n, int64_t i, int64_t j, int64_t count) {
  const Inside rows = p.rows.taps(i);
  const bool joined = p.columns.dilation == 1 && pixels.step == p.groupIn;
  const int64_t row = p.rows.start(i) + rows.first * p.rows.dilation, width = panelWidth(part.outputs);
  Tile tile{};
  tile.x = pixels.memory + (pixels.origin + row * pixels.rowStep + p.columns.start(j) * pixels.step);
  tile.xStep = p.columns.stride * pixels.step;
  tile.rows = rows.end - rows.first;
  tile.rowStep = p.rows.dilation * pixels.rowStep;
  tile.taps = joined ? 1 : p.columns.kernel;
  tile.tapStep = p.columns.dilation * pixels.step;
  tile.length = joined ? p.columns.kernel * p.groupIn : p.groupIn;
  const int64_t y = n * p.yImage + i * p.yRow + j * p.yPixel + part.firstOut;
  tile.start = p.plus ? p.plus + y : part.panel;
  tile.startStep = p.plus ? p.yPixel : 0;
  tile.panel = part.panel + (1 + rows.first * p.columns.kernel * p.groupIn) * width;
  tile.y = p.y + y;
  tile.yStep = p.yPixel;
  tile.outputs = part.outputs;
  tile.finish = p.finish.from((n * p.height + i) * p.width + j, part.firstOut);
  run(count, tile);
}

// Panels that are computed together for every tile: as many of a group as stay in the second-level cache while the image streams by.
INLINE int64_t panelsTogether(const Panels& panels) {
  int64_t count = panels.perGroup;
  while (count > 1 && (panels.perGroup % count || count * panels.floats > kTogetherFloats)) count--;
  return count;
}

// The order of work: chunks of panels, for each the image tile by tile, for each tile the panels of the chunk.
struct Place {
  int64_t chunk, image, row, tile, panel;

  INLINE Place(const Sweep& p, const Tiles& tiles, int64_t together, int64_t at) {
    panel = at % together;
    tile = at / together % tiles.count;
    row = at / together / tiles.count % p.height;
    image = at / together / tiles.count / p.height % p.batch;
    chunk = at / together / tiles.count / p.height / p.batch;
  }
  INLINE void advance(const Sweep& p, const Tiles& tiles, int64_t together) {
    if (++panel < together) return;
    panel = 0;
    if (++tile < tiles.count) return;
    tile = 0;
    if (++row < p.height) return;
    row = 0;
    if (++image < p.batch) return;
    image = 0;
    chunk++;
  }
};

static bool sweepTiles(const Sweep& p) {
  Panels panels(p);
  const Halo halo(p);
  const Tiles tiles(p.width, p.groupOut > kWidth ? kRows : kNarrowRows);
  const int64_t total = panels.count(p) * p.batch * p.height * tiles.count, together = panelsTogether(panels);
  if (!total) return true;
  const int64_t grain = 1 + kConvGrain / (tiles.height * (panels.floats + 1));
  const int64_t runs = total / grain < threads() ? total / grain + 1 : threads();
  const int64_t packedBytes = panels.count(p) * panels.floats * int64_t{sizeof(float)}, ownBytes = Derived::working(p.kept, packedBytes);
  char* const memory = static_cast<char*>(scratch(static_cast<size_t>(ownBytes) + static_cast<size_t>(runs * halo.floats) * sizeof(float)));
  const Derived packed(p.kept, packedBytes, memory);
  if (!packed.memory) return false;
  panels.packed = reinterpret_cast<float*>(packed.memory);
  if (!packed.filled) packPanels(p, panels);
  float* const halos = reinterpret_cast<float*>(memory + ownBytes);
  parallel(runs, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t first = i * total / runs, last = (i + 1) * total / runs;
      Band band(halos + i * halo.floats);
      Place at(p, tiles, together, first);
      for (int64_t left = last - first; left > 0; left--, at.advance(p, tiles, together)) {
        const Part part(p, panels, at.chunk * together + at.panel);
        const Pixels& pixels = band.reach(p, halo, part, at.image, at.row);
        convTile(p, part, pixels, at.image, at.row, tiles.first(at.tile), tiles.rows(at.tile));
        if (at.panel == 0) band.fetchAhead(p, halo, tiles, at.image, at.row, at.tile);
      }
    }
  });
  packed.done();
  return true;
}

}  // namespace
}  // namespace lowbit
