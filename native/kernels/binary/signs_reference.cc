// Between numbers and signs; the last dimension is a row.
#include "../../core/rounding.h"
#include "../../cpu/pool.h"
#include "signs.h"

namespace lowbit {
namespace {

template <class T> void pack(const packSigns_call& c, const T* x, T zero) {
  const int64_t row = c.x.dim(-1), bytes = c.y.dim(-1);
  parallel(c.y.size(), kElementGrain / 8, [&](int64_t begin, int64_t end) {
    for (int64_t byte = begin; byte < end; byte++) {
      const T* own = x + byte / bytes * row;
      const int64_t first = byte % bytes * 8;
      int bits = 0;
      for (int64_t i = first; i < smaller(first + 8, row); i++) bits |= (own[i] >= zero) << (i - first);
      c.y.as<uint8_t>()[byte] = static_cast<uint8_t>(bits);
    }
  });
}

}  // namespace

// Bit i of a row of y is x[.., i] >= zero; of NaN it is 0.
bool packSigns_reference(const packSigns_call& c) {
  EXPECT(c.x.rank >= 1 && c.y.rank == c.x.rank && holdsSigns(c.y, c.x.dim(-1)));
  if (c.x.dtype == Dtype::float32) pack<float>(c, c.x.as<float>(), static_cast<float>(c.zero));
  else withCodes(c.x, [&]<class T>(const T* x) { pack<T>(c, x, static_cast<T>(c.zero.integer())); });
  return true;
}

// y[.., i] = 1 where bit i of the row of x is set, else -1
bool unpackSigns_reference(const unpackSigns_call& c) {
  EXPECT(c.y.rank >= 1 && c.y.rank == c.x.rank && c.y.dtype == Dtype::int8 && holdsSigns(c.x, c.y.dim(-1)));
  const int64_t row = c.y.dim(-1), bytes = c.x.dim(-1);
  parallel(c.y.size(), kElementGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) c.y.as<int8_t>()[i] = static_cast<int8_t>(signAt(c.x.as<uint8_t>() + i / row * bytes, i % row));
  });
  return true;
}

}  // namespace lowbit
