// Which elements dropout keeps: element i looks at word i % 4 of philox(key = (seed low, seed high), counter = (i / 4 low, i / 4 high,
// step, stream)) and is kept where that word is at least rate·2^32. state holds (seed low, seed high, step).
#pragma once
#include "../../core/check.h"
#include "../../core/philox.h"

namespace lowbit {
namespace {

struct DropoutMask {
  uint32_t key0, key1, step, stream, least;

  INLINE DropoutMask(const View& state, double streamNumber, double rate) {
    EXPECT((state.dtype == Dtype::int32 || state.dtype == Dtype::uint32) && state.size() == 3 && rate >= 0 && rate < 1);
    const uint32_t* words = state.as<uint32_t>();
    key0 = words[0], key1 = words[1], step = words[2];
    stream = static_cast<uint32_t>(streamNumber);
    least = static_cast<uint32_t>(rate * 4294967296.0);
  }
  INLINE Philox block(int64_t index) const {
    return philox(key0, key1, {{static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), step, stream}});
  }
};

}  // namespace
}  // namespace lowbit
