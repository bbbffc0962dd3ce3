// Sums of two tensors of codes of one shape (a residual connection): the reference's arithmetic in a loop that the compiler turns
// into eight lanes of AVX2.
#include "../../cpu/pool.h"
#include "sum.h"

namespace lowbit {
namespace {

bool sameShape(const View& a, const View& b) {
  if (a.rank != b.rank) return false;
  for (int i = 0; i < a.rank; i++)
    if (a.shape[i] != b.shape[i]) return false;
  return true;
}

// y[i] of `count` elements. The sum by value: the bytes stored to y might change what is read through a pointer.
template <class A, class B> void addCodes(const A* a, const B* b, uint8_t* y, int64_t count, CodeSum sum) {
  for (int64_t i = 0; i < count; i++) y[i] = static_cast<uint8_t>(sum(a[i], b[i]));
}

}  // namespace

bool qadd_avx2(const qadd_call& c) {
  EXPECT(isCode(c.y));
  if (!sameShape(c.a, c.b)) return false;
  const CodeSum sum(c);
  uint8_t* y = c.y.as<uint8_t>();
  withCodes(c.a, [&](auto a) {
    withCodes(c.b, [&](auto b) {
      parallel(c.y.size(), 16384, [=](int64_t begin, int64_t end) { addCodes(a + begin, b + begin, y + begin, end - begin, sum); });
    });
  });
  return true;
}

}  // namespace lowbit
