// From codes to codes on the card, 16 bytes a thread.
#include "../../cuda/elements.cuh"
#include "../../cuda/rescaled.cuh"
#include "../../op.h"

namespace lowbit {
namespace {

// y = table[x], a signed x as x + 128; the table stays in the cache next to the threads
struct LookedUp {
  const uint8_t* table;
  uint8_t flip;

  DEVICE uint8_t operator()(uint8_t x) const { return __ldg(table + (x ^ flip)); }
};

}  // namespace

// y = req(f32(x - z)·m)
bool requantize_cuda(const requantize_call& c) {
  EXPECT(isCode(c.y));
  const Rescaled f{c.xZero.integer(), static_cast<float>(c.multiplier), Requantize(c.yZero, c.qmin, c.qmax)};
  if (c.x.dtype == Dtype::int32) compute<uint8_t, int32_t>(f, c.y, c.x);
  else if (c.x.dtype == Dtype::int8) compute<uint8_t, int8_t>(f, c.y, c.x);
  else compute<uint8_t, uint8_t>(f, c.y, c.x);
  return true;
}

bool qlookup_cuda(const qlookup_call& c) {
  EXPECT(isCode(c.x) && isCode(c.y) && c.table.size() == 256);
  compute<uint8_t, uint8_t>(LookedUp{c.table.as<uint8_t>(), static_cast<uint8_t>(c.x.dtype == Dtype::int8 ? 128 : 0)}, c.y, c.x);
  return true;
}

}  // namespace lowbit
