// The weight gradient of a convolution with `right` read in place: the taps of a row of the window (or where they are not neighbours, each
// tap) are a run of lanes that lie side by side in x, and neighbouring pixels lie a constant step apart. Where taps may be outside, the
// lines that a block needs are first copied with their margin of zeros. For few outputs, for which packing panels would cost too much.
#pragma once
#include "../../cpu/f32/outerSums.h"
#include "weightGrad.h"

namespace lowbit {
namespace {

class WeightRows {
 public:
  WeightRows(const WeightGrad& sizes, const float* dy, const float* x) : p(sizes), dy_(dy), x_(x) {
    const bool joined = p.columns.dilation == 1 && p.groups == 1;
    tapsOfRun_ = joined ? p.columns.kernel : 1;
    const auto hasMargin = [](const Window& w, int64_t count) {
      return w.pad > 0 || w.start(count - 1) + (w.kernel - 1) * w.dilation >= w.input;
    };
    padded_ = hasMargin(p.rows, p.height) || hasMargin(p.columns, p.width);
    paddedWidth_ = (p.width - 1) * p.columns.stride + (p.columns.kernel - 1) * p.columns.dilation + 1;
    lines_ = kBlockPixels < p.width ? 1 : smaller(kBlockPixels / p.width, p.height);
  }

  // The vectors of lanes of all runs: what a tile has to do.
  int64_t vectors() const { return runs() * ceilDiv(runLength(), kWidth); }
  int64_t panels() const { return runs() * panelsOfRun(); }
  PanelLanes lanesOf(int64_t panel) const {
    const int64_t first = panel % panelsOfRun() * kPanel;
    return {panel / panelsOfRun() * runLength() + first, smaller(kPanel, runLength() - first)};
  }
  // Loads may run past the end by a vector.
  int64_t memory() const { return padded_ ? rowsOf(lines_) * paddedWidth_ * p.channels + kWidth : 0; }
  Ahead::Region needs(int64_t, int64_t first, int64_t end) const { return {x_ + p.origin(first), x_ + p.origin(end)}; }
  const float* left(int64_t group) const { return dy_ + group * p.groupOut; }

  // Whole lines of one image.
  int64_t blockEnd(int64_t pixel, int64_t end) const {
    const int64_t line = pixel / p.width, image = (line / p.height + 1) * p.height;
    return smaller(smaller(line + lines_, image) * p.width, end);
  }

  void prepare(int64_t, int64_t first, int64_t end, float* memory) const {
    if (!padded_) return;
    const int64_t line = first / p.width, image = line / p.height, row = p.rows.start(line % p.height);
    const int64_t rows = rowsOf((end - first) / p.width), rowFloats = paddedWidth_ * p.channels;
    const Inside columns(p.columns.start(0), 1, paddedWidth_, p.columns.input);
    const int64_t before = columns.first * p.channels, inside = (columns.end - columns.first) * p.channels;
    for (int64_t r = 0; r < rows; r++, memory += rowFloats) {
      if (row + r < 0 || row + r >= p.rows.input) {
        memset(memory, 0, bytes(rowFloats));
        continue;
      }
      const int64_t from = ((image * p.rows.input + row + r) * p.columns.input + p.columns.start(0)) * p.channels + before;
      memset(memory, 0, bytes(before));
      memcpy(memory + before, x_ + from, bytes(inside));
      memset(memory + before + inside, 0, bytes(rowFloats - before - inside));
    }
  }

  void place(int64_t group, int64_t first, int64_t end, int64_t panel, float* memory, OuterTile& tile) const {
    const int64_t line = first / p.width, runsOfRow = p.columns.kernel / tapsOfRun_, run = panel / panelsOfRun();
    const int64_t rowFloats = (padded_ ? paddedWidth_ : p.columns.input) * p.channels;
    const int64_t row = run / runsOfRow * p.rows.dilation, column = run % runsOfRow * p.columns.dilation;
    const int64_t image = (line / p.height * p.rows.input + p.rows.start(line % p.height)) * rowFloats;
    tile.right =
        (padded_ ? memory : x_ + image) + row * rowFloats + column * p.channels + group * p.groupIn + panel % panelsOfRun() * kPanel;
    tile.rightStep = p.columns.stride * p.channels;
    tile.rightLine = p.rows.stride * rowFloats;
    tile.lines = (end - first) / p.width;
    tile.length = p.width;
  }

 private:
  int64_t runs() const { return p.rows.kernel * p.columns.kernel / tapsOfRun_; }
  int64_t runLength() const { return tapsOfRun_ * p.groupIn; }
  int64_t panelsOfRun() const { return ceilDiv(runLength(), kPanel); }
  // Rows of x under so many lines of dy.
  int64_t rowsOf(int64_t lines) const { return (lines - 1) * p.rows.stride + (p.rows.kernel - 1) * p.rows.dilation + 1; }
  static size_t bytes(int64_t floats) { return static_cast<size_t>(floats) * sizeof(float); }

  const WeightGrad& p;
  const float *dy_, *x_;
  int64_t tapsOfRun_, paddedWidth_, lines_;
  bool padded_;
};

}  // namespace
}  // namespace lowbit
