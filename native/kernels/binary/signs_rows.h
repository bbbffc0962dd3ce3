// packSigns a word at a time: V::signs(x, zero, count) are the signs of `count` numbers, 1 to 64.
#pragma once
#include "../../cpu/pool.h"
#include "signs.h"

namespace lowbit {
namespace {

template <class V, class T> bool packWords(const packSigns_call& c, T zero) {
  const int64_t row = c.x.dim(-1), words = signWords(row);
  const T* x = c.x.as<T>();
  uint64_t* y = c.y.as<uint64_t>();
  parallel(c.y.size() / 8, kElementGrain / 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t first = i % words * 64;
      y[i] = V::signs(x + i / words * row + first, zero, smaller(64, row - first));
    }
  });
  return true;
}

template <class V> bool packSigns(const packSigns_call& c) {
  EXPECT(c.x.rank >= 1 && c.y.rank == c.x.rank && holdsSigns(c.y, c.x.dim(-1)));
  switch (c.x.dtype) {
    case Dtype::float32: return packWords<V>(c, static_cast<float>(c.zero));
    case Dtype::uint8: return packWords<V>(c, static_cast<uint8_t>(c.zero.integer()));
    case Dtype::int8: return packWords<V>(c, static_cast<int8_t>(c.zero.integer()));
    default: return false;
  }
}

}  // namespace
}  // namespace lowbit
