// Between packed low-bit codes and the int8 levels they stand for (core/levels.h); a row is one output channel.
#include <string.h>

#include <stdexcept>
#include <string>

#include "../../core/check.h"
#include "../../core/levels.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

// Codes of one channel.
int64_t rowOf(const View& levels) { return levels.count(1, levels.rank); }

bool matches(const View& packed, const View& levels, const Levels& grid) {
  return packed.dtype == Dtype::uint8 && levels.dtype == Dtype::int8 && packed.rank == 2 && packed.shape[0] == levels.shape[0] &&
         packed.shape[1] == grid.rowBytes(rowOf(levels));
}

}  // namespace

// y[o, i] = level(code i of row o)
bool unpackLevels_reference(const unpackLevels_call& call) {
  const Levels grid(call.bits.integer(), call.grid.integer());
  EXPECT(matches(call.packed, call.y, grid));
  const int64_t row = rowOf(call.y), bytes = call.packed.shape[1];
  parallel(call.y.shape[0], kElementGrain / (row + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++)
      for (int64_t i = 0; i < row; i++)
        call.y.as<int8_t>()[o * row + i] = grid.level(grid.codeAt(call.packed.as<uint8_t>() + o * bytes, i));
  });
  return true;
}

// Row o of y = the codes of levels[o, ..]
bool packLevels_reference(const packLevels_call& call) {
  const Levels grid(call.bits.integer(), call.grid.integer());
  EXPECT(matches(call.y, call.levels, grid));
  const int64_t row = rowOf(call.levels), bytes = call.y.shape[1];
  const int8_t* levels = call.levels.as<int8_t>();
  for (int64_t i = 0; i < call.levels.size(); i++)
    if (!grid.has(levels[i]))
      throw std::out_of_range("level " + std::to_string(levels[i]) + " at position " + std::to_string(i) + " is not on the grid");
  memset(call.y.data, 0, static_cast<size_t>(call.y.size()));
  parallel(call.levels.shape[0], kElementGrain / (row + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++)
      for (int64_t i = 0; i < row; i++) grid.put(call.y.as<uint8_t>() + o * bytes, i, grid.code(levels[o * row + i]));
  });
  return true;
}

}  // namespace lowbit
