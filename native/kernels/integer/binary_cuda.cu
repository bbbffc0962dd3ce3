// Sums and products of two tensors of codes on the card, sixteen a thread, with numpy broadcasting.
#include "../../cuda/elements.cuh"
#include "../../op.h"
#include "sum.h"

namespace lowbit {
namespace {

template <class F> bool zipCodes(const View& a, const View& b, const View& y, F f) {
  EXPECT(isCode(a) && isCode(b) && isCode(y));
  const bool signedA = a.dtype == Dtype::int8, signedB = b.dtype == Dtype::int8;
  if (signedA && signedB) compute<uint8_t, int8_t, int8_t>(f, y, a, b);
  else if (signedA) compute<uint8_t, int8_t, uint8_t>(f, y, a, b);
  else if (signedB) compute<uint8_t, uint8_t, int8_t>(f, y, a, b);
  else compute<uint8_t, uint8_t, uint8_t>(f, y, a, b);
  return true;
}

}  // namespace

bool qadd_cuda(const qadd_call& c) { return zipCodes(c.a, c.b, c.y, CodeSum(c)); }
bool qmul_cuda(const qmul_call& c) { return zipCodes(c.a, c.b, c.y, CodeProduct(c)); }

}  // namespace lowbit
