// Sums and products of two tensors of codes of one shape: the reference's arithmetic in a loop that the compiler turns into eight lanes
// of AVX2.
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

// y[i] of `count` elements. f by value: the bytes stored to y might change what is read through a pointer.
template <class A, class B, class F> void pairCodes(const A* a, const B* b, uint8_t* y, int64_t count, F f) {
  for (int64_t i = 0; i < count; i++) y[i] = static_cast<uint8_t>(f(a[i], b[i]));
}

template <class F> bool pairs(const View& left, const View& right, const View& codes, const F& f) {
  EXPECT(isCode(codes));
  if (!sameShape(left, right)) return false;
  uint8_t* y = codes.as<uint8_t>();
  withCodes(left, [&](auto a) {
    withCodes(right, [&](auto b) {
      parallel(codes.size(), 16384, [=](int64_t begin, int64_t end) { pairCodes(a + begin, b + begin, y + begin, end - begin, f); });
    });
  });
  return true;
}

}  // namespace

bool qadd_avx2(const qadd_call& c) { return pairs(c.a, c.b, c.y, CodeSum(c)); }

bool qmul_avx2(const qmul_call& c) { return pairs(c.a, c.b, c.y, CodeProduct(c)); }

}  // namespace lowbit
