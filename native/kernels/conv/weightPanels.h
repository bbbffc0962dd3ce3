// The weight gradient of a convolution with `right` packed: the lanes are the weights of one output, (p, q, c), and a block of pixels
// is gathered panel by panel, zeros where a tap is outside the image. Packing a vector costs a store, and every output uses it.
#pragma once
#include "../../cpu/f32/outerSums.h"
#include "weightGrad.h"

namespace lowbit {
namespace {

// Copies of up to kPanel floats.
struct LaneCopy {
  Lanes low, high;
  bool wide;
  INLINE explicit LaneCopy(int64_t count) : low(count), high(count > kWidth ? count - kWidth : 0), wide(count > kWidth) {}
  INLINE void operator()(const float* from, float* to) const {
    low.store(to, low.load(from));
    if (wide) high.store(to + kWidth, high.load(from + kWidth));
  }
  INLINE void clear(float* to) const {
    low.store(to, repeat(0));
    if (wide) high.store(to + kWidth, repeat(0));
  }
};

class WeightPanels {
 public:
  WeightPanels(const WeightGrad& sizes, const float* dy, const float* x) : p(sizes), dy_(dy), x_(x) {
    joined_ = p.columns.dilation == 1 && p.groups == 1;
    runLength_ = joined_ ? p.columns.kernel * p.groupIn : p.groupIn;
  }

  int64_t vectors() const { return ceilDiv(p.depth(), kWidth); }
  int64_t panels() const { return ceilDiv(p.depth(), kPanel); }
  PanelLanes lanesOf(int64_t panel) const { return {panel * kPanel, smaller(kPanel, p.depth() - panel * kPanel)}; }
  int64_t memory() const { return kBlockPixels * kPanel; }
  Ahead::Region needs(int64_t, int64_t first, int64_t end) const { return {x_ + p.origin(first), x_ + p.origin(end)}; }
  const float* left(int64_t group) const { return dy_ + group * p.groupOut; }
  int64_t blockEnd(int64_t pixel, int64_t end) const { return smaller(pixel + kBlockPixels, end); }
  void prepare(int64_t, int64_t, int64_t, float*) const {}

  void place(int64_t group, int64_t first, int64_t end, int64_t panel, float* memory, OuterTile& tile) const {
    const PanelLanes lanes = lanesOf(panel);
    const int64_t step = panelWidth(lanes.count);
    for (int64_t lane = 0, length; lane < lanes.count; lane += length) {
      const int64_t run = (lanes.first + lane) / runLength_, offset = (lanes.first + lane) % runLength_;
      length = smaller(runLength_ - offset, lanes.count - lane);
      pack(group, {run, offset, length}, first, end, memory + lane, step);
    }
    tile.right = memory;
    tile.rightStep = step;
    tile.lines = 1;
    tile.length = end - first;
  }

 private:
  // Lanes that lie side by side in x: channels of one tap, or where taps join, of a row of taps.
  struct Run {
    int64_t index, offset, length;
  };

  void pack(int64_t group, const Run& run, int64_t first, int64_t end, float* to, int64_t step) const {
    const int64_t r = joined_ ? run.index : run.index / p.columns.kernel, s = joined_ ? 0 : run.index % p.columns.kernel;
    const int64_t firstTap = s + run.offset / p.groupIn, lastTap = s + (run.offset + run.length - 1) / p.groupIn;
    const LaneCopy copy(run.length);
    for (int64_t pixel = first, next; pixel < end; to += (next - pixel) * step, pixel = next) {
      const int64_t line = pixel / p.width, j = pixel % p.width, count = smaller(p.width - j, end - pixel);
      next = pixel + count;
      const int64_t row = p.rows.start(line % p.height) + r * p.rows.dilation;
      const bool inside = row >= 0 && row < p.rows.input;
      // Pixels from `full` to `fullEnd` have all taps of the run.
      const int64_t full = inside ? pixelsWith(firstTap, j, count).first : count,
                    fullEnd = inside ? pixelsWith(lastTap, j, count).end : count;
      const int64_t rowAt = (line / p.height * p.rows.input + row) * p.columns.input;
      const int64_t origin = (rowAt + p.columns.start(j) + s * p.columns.dilation) * p.channels + group * p.groupIn + run.offset;
      const int64_t xStep = p.columns.stride * p.channels;
      for (int64_t k = full; k < fullEnd; k++) copy(x_ + (origin + k * xStep), to + k * step);
      for (int64_t k = 0; k < count; k++) {
        if (k == full && fullEnd > full) k = fullEnd;
        if (k >= count) break;
        copy.clear(to + k * step);
        if (!inside || firstTap == lastTap) continue;
        for (int64_t tap = firstTap; tap <= lastTap; tap++) {
          const Inside having = pixelsWith(tap, j, count);
          if (k < having.first || k >= having.end) continue;
          // The part of the run that belongs to the tap.
          const int64_t from = tap == firstTap ? 0 : (tap - s) * p.groupIn - run.offset;
          const int64_t until = smaller(run.length, (tap - s + 1) * p.groupIn - run.offset);
          LaneCopy(until - from)(x_ + (origin + k * xStep + from), to + k * step + from);
        }
      }
    }
  }

  // Of `count` pixels from column j of dy, those whose tap is inside.
  Inside pixelsWith(int64_t tap, int64_t j, int64_t count) const {
    return {p.columns.start(j) + tap * p.columns.dilation, p.columns.stride, count, p.columns.input};
  }

  const WeightGrad& p;
  const float *dy_, *x_;
  bool joined_;
  int64_t runLength_;
};

}  // namespace
}  // namespace lowbit
