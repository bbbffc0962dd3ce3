// Sums of two tensors of codes of one shape (a residual connection): the reference's arithmetic in a loop that the compiler turns
// into eight lanes of AVX2.
#include "../../core/rounding.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

bool sameShape(const View& a, const View& b) {
  if (a.rank != b.rank) return false;
  for (int i = 0; i < a.rank; i++)
    if (a.shape[i] != b.shape[i]) return false;
  return true;
}

// y[i] of `count` elements. Everything by value: the bytes stored to y might change what is read through a pointer.
template <class A, class B>
void addCodes(const A* a, const B* b, uint8_t* y, int64_t count, int32_t aZero, float ma, int32_t bZero, float mb, Requantize requantize) {
  for (int64_t i = 0; i < count; i++) {
    const float sum = static_cast<float>(a[i] - aZero) * ma + static_cast<float>(b[i] - bZero) * mb;
    y[i] = static_cast<uint8_t>(requantize(sum));
  }
}

}  // namespace

// y = req((a - za)·ma + (b - zb)·mb)
bool qadd_avx2(const qadd_call& c) {
  EXPECT(isCode(c.y));
  if (!sameShape(c.a, c.b)) return false;
  const int32_t aZero = static_cast<int32_t>(c.aZero.integer()), bZero = static_cast<int32_t>(c.bZero.integer());
  const float ma = static_cast<float>(c.aMultiplier), mb = static_cast<float>(c.bMultiplier);
  const Requantize requantize(c.yZero, c.qmin, c.qmax);
  uint8_t* y = c.y.as<uint8_t>();
  withCodes(c.a, [&](auto a) {
    withCodes(c.b, [&](auto b) {
      parallel(c.y.size(), 16384, [=](int64_t begin, int64_t end) {
        addCodes(a + begin, b + begin, y + begin, end - begin, aZero, ma, bZero, mb, requantize);
      });
    });
  });
  return true;
}

}  // namespace lowbit
