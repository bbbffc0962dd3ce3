// What calibration asks of a tensor: its range and the distribution of its magnitudes.
#include <cmath>
#include <limits>
#include <vector>

#include "../../core/check.h"
#include "../../op.h"
#include "runs.h"

namespace lowbit {
namespace {

// The range of some numbers, and whether NaN was among them.
struct Range {
  float low = std::numeric_limits<float>::infinity(), high = -low;
  bool nan = false;

  void add(float x) {
    low = x < low ? x : low;
    high = x > high ? x : high;
    nan |= x != x;
  }
  void add(const Range& other) {
    low = other.low < low ? other.low : low;
    high = other.high > high ? other.high : high;
    nan |= other.nan;
  }
  void write(float* out, bool empty) const {
    const float none = nan ? NAN : 0.0f;
    out[0] = empty || nan ? none : low + 0.0f;  // -0 becomes 0, whichever of the two came first
    out[1] = empty || nan ? none : high + 0.0f;
  }
};

Range rangeOf(const float* x, int64_t n) {
  Range range;
  for (int64_t i = 0; i < n; i++) range.add(x[i]);
  return range;
}

// Ranges of runs, then of the runs of each channel.
void rangeOfRuns(const View& x, const View& y, const Runs& runs) {
  std::vector<Range> perRun(runs.count()), channels(y.size() / 2);
  Range* out = perRun.data();
  runs.each([=, in = x.as<float>()](int64_t run, int64_t begin, int64_t end) { out[run] = rangeOf(in + begin, end - begin); });
  for (int64_t run = 0; run < runs.count(); run++) channels[run % channels.size()].add(perRun[run]);
  for (size_t i = 0; i < channels.size(); i++) channels[i].write(y.as<float>() + 2 * i, runs.size == 0);
}

// Channels are the last axis: each share of the rows keeps a range per channel.
void rangeOfColumns(const View& x, const View& y, int64_t channels) {
  const int64_t rows = x.size() / channels, shares = std::min<int64_t>(threads(), rows);
  std::vector<Range> ranges(shares * channels);
  parallel(shares, 1, [&, in = x.as<float>()](int64_t first, int64_t last) {
    for (int64_t share = first; share < last; share++)
      for (int64_t row = rows * share / shares; row < rows * (share + 1) / shares; row++)
        for (int64_t i = 0; i < channels; i++) ranges[share * channels + i].add(in[row * channels + i]);
  });
  for (int64_t i = 0; i < channels; i++) {
    Range range;
    for (int64_t share = 0; share < shares; share++) range.add(ranges[share * channels + i]);
    range.write(y.as<float>() + 2 * i, false);
  }
}

}  // namespace

// y = (min x, max x) of the whole tensor, or [n, 2] along one axis; NaN anywhere gives (NaN, NaN), no elements give (0, 0)
bool minMax_reference(const minMax_call& c) {
  EXPECT(c.x.dtype == Dtype::float32);
  if (!c.perAxis.integer()) {
    rangeOfRuns(c.x, c.y, Runs::whole(c.x));
    return true;
  }
  Runs runs = Runs::along(c.x, c.axis.integer());
  EXPECT(c.y.size() == 2 * runs.channels);
  if (runs.size && runs.length == 1) rangeOfColumns(c.x, c.y, runs.channels);
  else rangeOfRuns(c.x, c.y, runs);
  return true;
}

// y[floor(|x|·2^-exponent)] counts magnitudes, the last bin all larger ones; x >= 0 first, then x < 0. NaN is not counted.
// Each thread fills four tables in turn: neighbours often share a bin, and a count waits for the one before it.
bool histogram_reference(const histogram_call& c) {
  EXPECT(c.x.dtype == Dtype::float32 && c.x.size() < (int64_t{1} << 31));
  constexpr int kTables = 4;
  const float* in = c.x.as<float>();
  const int64_t size = c.x.size(), bins = c.bins.integer(), width = 2 * bins;
  const int64_t shares = size < 8 * kTables * width ? 1 : threads();
  std::vector<int32_t> tables(shares * kTables * width);
  const float scale = std::ldexp(1.0f, -static_cast<int>(c.exponent.integer())), top = static_cast<float>(bins - 1);
  parallel(shares, 1, [&](int64_t first, int64_t last) {
    for (int64_t share = first; share < last; share++) {
      int32_t* counts = tables.data() + share * kTables * width;
      const int64_t end = size * (share + 1) / shares;
      for (int64_t i = size * share / shares; i < end; i++) {
        const float x = in[i], magnitude = std::fabs(x) * scale;
        const int32_t bin = static_cast<int32_t>(magnitude < top ? magnitude : top);
        counts[(i % kTables) * width + static_cast<int64_t>(x < 0) * bins + bin] += x == x;
      }
    }
  });
  int32_t* out = c.y.as<int32_t>();
  for (int64_t bin = 0; bin < width; bin++) {
    out[bin] = 0;
    for (int64_t table = 0; table < shares * kTables; table++) out[bin] += tables[table * width + bin];
  }
  return true;
}

}  // namespace lowbit
