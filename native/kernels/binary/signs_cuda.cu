// Between numbers and signs on the card.
#include "../../core/rounding.h"
#include "../../cuda/launch.h"
#include "signs.h"

namespace lowbit {
namespace {

// A warp makes 32 words of 32 signs, by a vote each, and writes them together. Rows have `words` of them.
template <class T>
__global__ void packWords(const T* __restrict__ x, uint32_t* __restrict__ y, int64_t row, int64_t words, int64_t count, T zero) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int64_t warps = int64_t{gridDim.x} * blockDim.x / 32, warp = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) / 32;
  for (int64_t first = warp * 32; first < count; first += warps * 32) {
    const T* own = x + first / words * row;
    int64_t word = first % words;
    unsigned mine = 0;
    for (int i = 0; i < 32 && first + i < count; i++) {
      const int64_t at = word * 32 + lane;
      const unsigned votes = __ballot_sync(0xffffffffu, at < row && own[at] >= zero);
      if (lane == i) mine = votes;
      if (++word == words) {
        word = 0;
        own += row;
      }
    }
    if (first + lane < count) y[first + lane] = mine;
  }
}

template <class T> void pack(const packSigns_call& c, T zero) {
  const int64_t count = c.y.size() / 4;
  run(packWords<T>, launchOver(count), c.x.as<T>(), c.y.as<uint32_t>(), c.x.dim(-1), c.y.dim(-1) / 4, count, zero);
}

__global__ void unpackEach(const uint8_t* __restrict__ x, int8_t* __restrict__ y, int64_t row, int64_t bytes, int64_t count) {
  FOR_EACH(i, count) y[i] = static_cast<int8_t>(signAt(x + i / row * bytes, i % row));
}

}  // namespace

// Bit i of a row of y is x[.., i] >= zero; of NaN it is 0.
bool packSigns_cuda(const packSigns_call& c) {
  EXPECT(c.x.rank >= 1 && c.y.rank == c.x.rank && holdsSigns(c.y, c.x.dim(-1)));
  if (reinterpret_cast<uintptr_t>(c.y.data) % 4) return false;
  if (!c.y.size()) return true;
  if (c.x.dtype == Dtype::float32) pack<float>(c, static_cast<float>(c.zero));
  else if (c.x.dtype == Dtype::uint8) pack<uint8_t>(c, static_cast<uint8_t>(c.zero.integer()));
  else pack<int8_t>(c, static_cast<int8_t>(c.zero.integer()));
  return true;
}

// y[.., i] = 1 where bit i of the row of x is set, else -1
bool unpackSigns_cuda(const unpackSigns_call& c) {
  EXPECT(c.y.rank >= 1 && c.y.rank == c.x.rank && c.y.dtype == Dtype::int8 && holdsSigns(c.x, c.y.dim(-1)));
  if (c.y.size()) run(unpackEach, launchOver(c.y.size()), c.x.as<uint8_t>(), c.y.as<int8_t>(), c.y.dim(-1), c.x.dim(-1), c.y.size());
  return true;
}

}  // namespace lowbit
