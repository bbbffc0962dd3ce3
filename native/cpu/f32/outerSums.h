// Sums of outer products over pixels (or rows of matrices), on the tiles of outer.h:
//
//   y[out][lane] = Σ left[pixel][out]·right[pixel][lane]
//
// with the pixels cut into chunks (core/chunks.h). Work is handed out in units: a band of outputs by one panel of lanes of one chunk.
// A thread walks a chunk in blocks of pixels. The band's part of a block of `left` is copied to lie densely, and a block of `right` is
// brought into place panel by panel and meets all tiles of the band. Meanwhile the sums wait as [chunk][matrix][panel][out][kPanel], for
// the rows of y may be a power of two apart, which caches do not like; the last block of the only chunk goes to y at once.
#pragma once
#include <string.h>

#include "../../core/chunks.h"
#include "../../core/scratch.h"
#include "../pool.h"
#include "outer.h"

namespace lowbit {
namespace {

constexpr int64_t kBlockPixels = 384;         // a panel of a block is 48 KB
constexpr int64_t kLineFloats = 16;           // of a cache line
constexpr int64_t kBandOutputs = 40 * kRows;  // of a block: 840 KB, and the more outputs meet a panel the less its packing costs
constexpr int64_t kOuterGrain = 1 << 20;      // multiply-adds worth a thread: about 7 us

struct OuterSums {
  int64_t matrices;  // sums of their own: groups of channels, or a batch
  Chunks chunks;
  int64_t outs, lanes;
  int64_t leftStep;  // floats from a pixel of left to the next
  float* y;          // (matrices, outs, lanes)
  INLINE int64_t size() const { return matrices * outs * lanes; }
  INLINE int64_t pixels() const { return chunks.lines * chunks.width; }
};

// Memory that the next block needs, and that is fetched line by line while this one is summed.
struct Ahead {
  struct Region {
    const float *at, *end;
  } regions[2];

  // Hands `steps` lines to a tile.
  INLINE void give(int64_t steps, OuterTile& tile) {
    Region& region = regions[regions[0].at >= regions[0].end];
    tile.ahead = region.at < region.end ? region.at : tile.left;
    tile.aheadStep = region.at < region.end ? kLineFloats : 0;
    region.at += tile.aheadStep * steps;
  }
};

struct PanelLanes {
  int64_t first, count;
};

// The outputs in bands of whole tiles.
struct Bands {
  Tiles tiles;
  int64_t height, count;  // in tiles
  // Lower bands where there would be too few units for the threads.
  INLINE Bands(int64_t outs, int64_t unitsOfTile) : tiles(outs) {
    const int64_t wanted = tiles.count * unitsOfTile / (4 * threads());
    const int64_t least = ceilDiv(tiles.count, wanted < 1 ? 1 : smaller(wanted, kBandOutputs / kRows));
    height = ceilDiv(tiles.count, least);  // of nearly equal height, for units count alike
    count = ceilDiv(tiles.count, height);
  }
  INLINE int64_t first(int64_t band) const { return band * height; }
  INLINE int64_t end(int64_t band) const { return smaller((band + 1) * height, tiles.count); }
};

// Where a thread works: `first` to `last` are units of one chunk of one matrix, band by band.
struct OuterSpan {
  int64_t matrix, chunk, first, last;
  float* sums;           // of the chunk and matrix
  float* y;              // of the matrix, if this is the only chunk
  float *memory, *copy;  // of the thread: for the source, and for a band
};

// A Source knows `left` and `right`:
//   panels(), lanesOf(panel)                    lanes [first, first + count) of a panel, at most kPanel
//   memory()                                    floats that a thread needs for a block
//   left(matrix)                                where its pixel 0 is
//   blockEnd(pixel, end)                        where the block that begins at a pixel ends
//   needs(matrix, first, end)                   the memory of `right` that a block reads
//   prepare(matrix, first, end, memory)         called for every block
//   place(matrix, first, end, panel, memory, tile)   sets right, its steps, and how a tile walks the block
template <class Source> void sumSpan(const OuterSums& s, const Source& source, const Bands& bands, const OuterSpan& span) {
  const Tiles& tiles = bands.tiles;
  const int64_t start = s.chunks.first(span.chunk), stop = s.chunks.first(span.chunk + 1);
  const bool copies = s.leftStep >= 256 && source.panels() >= 4;
  OuterTile tile{};
  tile.startStep = kPanel;
  for (int64_t at = start, next; at < stop; at = next) {
    next = source.blockEnd(at, stop);
    source.prepare(span.matrix, at, next, span.memory);
    tile.fresh = at == start;
    const bool finishes = span.y && next == stop;
    const float* left = source.left(span.matrix) + at * s.leftStep;
    Ahead ahead{};
    if (next < stop) {
      const int64_t end = source.blockEnd(next, stop);
      ahead = {{{left + (next - at) * s.leftStep, left + (end - at) * s.leftStep}, source.needs(span.matrix, next, end)}};
    }
    int64_t copied = -1;
    for (int64_t unit = span.first; unit < span.last; unit++) {
      const int64_t band = unit / source.panels(), panel = unit % source.panels(), firstTile = bands.first(band), endTile = bands.end(band);
      const int64_t firstOut = tiles.first(firstTile), outs = tiles.first(endTile - 1) + tiles.rows(endTile - 1) - firstOut;
      if (copies && copied != band) {
        for (int64_t i = 0; i < next - at; i++)
          memcpy(span.copy + i * outs, left + i * s.leftStep + firstOut, static_cast<size_t>(outs) * sizeof(float));
        copied = band;
      }
      const PanelLanes lanes = source.lanesOf(panel);
      source.place(span.matrix, at, next, panel, span.memory, tile);
      tile.leftStep = copies ? outs : s.leftStep;
      tile.leftLine = tile.length * tile.leftStep;
      tile.lanes = finishes ? lanes.count : panelWidth(lanes.count);
      tile.yStep = finishes ? s.lanes : kPanel;
      for (int64_t i = firstTile; i < endTile; i++) {
        float* const sums = span.sums + (panel * s.outs + tiles.first(i)) * kPanel;
        tile.left = copies ? span.copy + tiles.first(i) - firstOut : left + tiles.first(i);
        tile.start = sums;
        tile.y = finishes ? span.y + tiles.first(i) * s.lanes + lanes.first : sums;
        ahead.give(next - at, tile);
        runOuter(tiles.rows(i), tile);
      }
    }
  }
}

// Brings the sums of the chunks, `size` floats each, into y.
template <class Source> void addChunks(const OuterSums& s, const Source& source, const float* sums, int64_t size) {
  const int64_t rows = s.matrices * s.outs;
  parallel(rows, 1 + kElementGrain / (s.lanes * s.chunks.count), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      for (int64_t panel = 0; panel < source.panels(); panel++) {
        const PanelLanes lanes = source.lanesOf(panel);
        const float* from = sums + ((row / s.outs * source.panels() + panel) * s.outs + row % s.outs) * kPanel;
        for (int64_t lane = 0; lane < lanes.count; lane += kWidth) {
          Vector sum = load(from + lane);
          for (int64_t chunk = 1; chunk < s.chunks.count; chunk++) sum = add(sum, load(from + chunk * size + lane));
          Lanes(lanes.count - lane).store(s.y + row * s.lanes + lanes.first + lane, sum);
        }
      }
    }
  });
}

template <class Source> void outerSums(const OuterSums& s, const Source& source) {
  if (!s.pixels()) memset(s.y, 0, static_cast<size_t>(s.size()) * sizeof(float));
  if (!s.pixels() || !s.size()) return;
  const Bands bands(s.outs, s.matrices * s.chunks.count * source.panels());
  const int64_t unitsOfChunk = source.panels() * bands.count, units = s.matrices * s.chunks.count * unitsOfChunk;
  const int64_t parts = smaller(smaller(threads(), units), 1 + s.pixels() * s.size() / kOuterGrain);
  const int64_t copy = kBlockPixels * kBandOutputs, sumsOfMatrix = source.panels() * s.outs * kPanel,
                sumsOfChunk = s.matrices * sumsOfMatrix;
  const int64_t memory = copy + ceilDiv(source.memory(), 16) * 16;
  float* const work = static_cast<float*>(scratch(static_cast<size_t>(parts * memory + s.chunks.count * sumsOfChunk) * sizeof(float)));
  float* const sums = work + parts * memory;
  parallel(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) {
      const int64_t last = units * (part + 1) / parts;
      for (int64_t unit = units * part / parts, next; unit < last; unit = next) {
        const int64_t whole = unit / unitsOfChunk, chunk = whole % s.chunks.count, matrix = whole / s.chunks.count;
        next = smaller(last, (whole + 1) * unitsOfChunk);
        float* const own = work + part * memory;
        float* const y = s.chunks.count > 1 ? nullptr : s.y + matrix * s.outs * s.lanes;
        float* const ofMatrix = sums + chunk * sumsOfChunk + matrix * sumsOfMatrix;
        sumSpan(s, source, bands, {matrix, chunk, unit % unitsOfChunk, next - whole * unitsOfChunk, ofMatrix, y, own + copy, own});
      }
    }
  });
  if (s.chunks.count > 1) addChunks(s, source, sums, sumsOfChunk);
}

}  // namespace
}  // namespace lowbit
