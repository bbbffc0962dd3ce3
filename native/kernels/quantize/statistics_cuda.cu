// What calibration asks of a tensor, on the card: its range and the distribution of its magnitudes. Reading memory is the limit.
#include <math.h>

#include "../../cuda/elements.cuh"
#include "../../op.h"

namespace lowbit {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;

// Floats as unsigned numbers of the same order, so that blocks can join their ranges by atomicMin. A range is two of them, the least
// number's and the complement of the largest one's: both start with all bits set, and 0 in both stands for NaN.
struct Range {
  uint32_t low = 0xffffffffu, high = 0xffffffffu;

  static DEVICE uint32_t keyOf(float x) {
    const uint32_t bits = __float_as_uint(x);
    return bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
  }
  static DEVICE float numberOf(uint32_t key) { return __uint_as_float(key ^ (key >> 31 ? 0x80000000u : 0xffffffffu)); }

  DEVICE void add(float x) {
    if (x == x) join(keyOf(x), ~keyOf(x));
    else join(0, 0);
  }
  DEVICE void join(uint32_t otherLow, uint32_t otherHigh) {
    low = otherLow < low ? otherLow : low;
    high = otherHigh < high ? otherHigh : high;
  }
  DEVICE void joinWarp() {
    for (int by = 16; by; by /= 2) join(__shfl_xor_sync(0xffffffffu, low, by), __shfl_xor_sync(0xffffffffu, high, by));
  }
  DEVICE void addTo(uint32_t* range) const {
    atomicMin(range, low);
    atomicMin(range + 1, high);
  }
};

// x (outer, channels, inner): blocks (c, share) read channel c, N neighbours a thread.
template <int N>
__global__ void __launch_bounds__(kThreads)
    rangesOfRuns(const float* __restrict__ x, uint32_t* __restrict__ ranges, int64_t outer, int64_t channels, int64_t inner) {
  const int64_t channel = blockIdx.x, step = static_cast<int64_t>(gridDim.y) * kThreads;
  Range range;
  for (int64_t i = (static_cast<int64_t>(blockIdx.y) * kThreads + threadIdx.x) * N; i < outer * inner; i += step * N) {
    const int64_t row = outer == 1 ? 0 : i / inner;
    const Few<float, N> few = readFew<N>(x + (row * channels + channel) * inner + i - row * inner);
#pragma unroll
    for (int j = 0; j < N; j++) range.add(few.of[j]);
  }
  range.joinWarp();
  if (threadIdx.x % 32 == 0) range.addTo(ranges + 2 * channel);
}

// x (rows, channels): a warp reads rows of 32 channels, the block's warps in turn.
__global__ void __launch_bounds__(kThreads)
    rangesOfColumns(const float* __restrict__ x, uint32_t* __restrict__ ranges, int64_t rows, int64_t channels) {
  SHARED(Range, perWarp, [kWarps][32]);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int64_t channel = static_cast<int64_t>(blockIdx.x) * 32 + lane, step = static_cast<int64_t>(gridDim.y) * kWarps;
  Range range;
  for (int64_t row = static_cast<int64_t>(blockIdx.y) * kWarps + warp; row < rows && channel < channels; row += step)
    range.add(x[row * channels + channel]);
  perWarp[warp][lane] = range;
  __syncthreads();
  if (warp != 0 || channel >= channels) return;
  for (int i = 1; i < kWarps; i++) range.join(perWarp[i][lane].low, perWarp[i][lane].high);
  range.addTo(ranges + 2 * channel);
}

// In place: each range as two floats, (0, 0) where no number came, (NaN, NaN) where one was NaN; -0 becomes 0.
__global__ void writeRanges(uint32_t* ranges, int64_t count) {
  FOR_EACH(i, count) {
    const uint32_t low = ranges[2 * i], high = ranges[2 * i + 1];
    const bool nan = low == 0, empty = low == 0xffffffffu;
    const float none = nan ? __uint_as_float(0x7fc00000u) : 0.0f;
    ranges[2 * i] = __float_as_uint(nan || empty ? none : Range::numberOf(low) + 0.0f);
    ranges[2 * i + 1] = __float_as_uint(nan || empty ? none : Range::numberOf(~high) + 0.0f);
  }
}

// Blocks that share some work, for `each` of it one; `groups` of them together are about as many as the card runs at a time.
unsigned sharesOf(int64_t work, int64_t each, int64_t groups) {
  const int64_t most = cardMultiprocessors() * int64_t{8} / groups + 1, wanted = (work + each - 1) / each;
  return static_cast<unsigned>(wanted < most ? (wanted > 0 ? wanted : 1) : most);
}

// Bins in shared memory, in as many tables as fit: each warp counts in one, and neighbours often share a bin. Without a table blocks count
// in y itself.
__global__ void __launch_bounds__(kThreads)
    countMagnitudes(const float* __restrict__ x, int* __restrict__ y, int64_t size, float scale, int bins, int tables) {
  int* const shared = reinterpret_cast<int*>(dynamicShared());
  const int width = 2 * bins;
  for (int i = static_cast<int>(threadIdx.x); i < tables * width; i += kThreads) shared[i] = 0;
  __syncthreads();
  int* const counts = tables ? shared + threadIdx.x / 32 % tables * width : y;
  const float top = static_cast<float>(bins - 1);
  FOR_EACH(i, size) {
    const float value = x[i], magnitude = fabsf(value) * scale;
    const int bin = static_cast<int>(magnitude < top ? magnitude : top);
    if (value == value) atomicAdd(counts + (value < 0 ? bins : 0) + bin, 1);
  }
  if (!tables) return;
  __syncthreads();
  for (int bin = static_cast<int>(threadIdx.x); bin < width; bin += kThreads) {
    int sum = 0;
    for (int table = 0; table < tables; table++) sum += shared[table * width + bin];
    if (sum) atomicAdd(y + bin, sum);
  }
}

constexpr int64_t kTablesBytes = 96 << 10;  // two blocks of them fit a multiprocessor

}  // namespace

bool minMax_cuda(const minMax_call& c) {
  EXPECT(c.x.dtype == Dtype::float32);
  const bool perAxis = c.perAxis.integer() != 0;
  const int axis = static_cast<int>(c.axis.integer() < 0 ? c.axis.integer() + c.x.rank : c.axis.integer());
  const int64_t channels = perAxis ? c.x.shape[axis] : 1, outer = perAxis ? c.x.count(0, axis) : 1;
  const int64_t inner = perAxis ? c.x.count(axis + 1, c.x.rank) : c.x.size();
  EXPECT(c.y.size() == 2 * channels);
  if (!channels) return true;
  uint32_t* const ranges = c.y.as<uint32_t>();
  fillCard(ranges, 0xff, static_cast<size_t>(channels) * 2 * sizeof *ranges);
  if (c.x.size() && inner == 1 && channels > 1) {
    const unsigned blocks = static_cast<unsigned>((channels + 31) / 32);
    run(rangesOfColumns, {dim3(blocks, sharesOf(outer, kWarps * 16, blocks)), dim3(kThreads)}, c.x.as<float>(), ranges, outer, channels);
  } else if (c.x.size()) {
    const dim3 grid(static_cast<unsigned>(channels), sharesOf(outer * inner, kThreads * 16, channels));
    const bool packs = aligned(c.x.data, 16) && inner % 4 == 0;
    run(packs ? rangesOfRuns<4> : rangesOfRuns<1>, {grid, dim3(kThreads)}, c.x.as<float>(), ranges, outer, channels, inner);
  }
  run(writeRanges, launchOver(channels), ranges, channels);
  return true;
}

bool histogram_cuda(const histogram_call& c) {
  EXPECT(c.x.dtype == Dtype::float32 && c.x.size() < (int64_t{1} << 31));
  const int64_t bins = c.bins.integer(), bytes = 2 * bins * static_cast<int64_t>(sizeof(int)), fitting = kTablesBytes / bytes;
  const int tables = static_cast<int>(fitting < kWarps ? fitting : kWarps);
  fillCard(c.y.data, 0, static_cast<size_t>(bytes));
  const float scale = ldexpf(1.0f, -static_cast<int>(c.exponent.integer()));
  const Launch launch{dim3(sharesOf(c.x.size(), kThreads * 16, 4)), dim3(kThreads), static_cast<size_t>(tables * bytes)};
  run(countMagnitudes, launch, c.x.as<float>(), c.y.as<int>(), c.x.size(), scale, static_cast<int>(bins), tables);
  return true;
}

}  // namespace lowbit
