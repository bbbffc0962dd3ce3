// y = x in another element type; core/convert.h states the conversions. A pair of types meets in the middle: a block of x is widened
// to double, int64_t or uint64_t, which hold every element exactly, and converted from there.
#include <algorithm>

#include "../../core/convert.h"
#include "../../op.h"
#include "map.h"

namespace lowbit {
namespace {

constexpr int64_t kBlock = 512;

template <class T>
using Wide = std::conditional_t<std::is_integral_v<T>, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>, double>;

template <class From> void store(const From* from, const View& y, int64_t at, int64_t count) {
  if (y.dtype == Dtype::boolean) {
    for (int64_t i = 0; i < count; i++) y.as<bool>()[at + i] = convert<bool>(from[i]);
    return;
  }
  asNumber(y.dtype, [&]<class T>(Type<T>) {
    T* out = y.as<T>() + at;
    for (int64_t i = 0; i < count; i++) out[i] = convert<T>(from[i]);
  });
}

// read(element) is what the element counts as.
template <class T, class Read> void castFrom(const View& x, const View& y, Read read) {
  using From = Wide<Computed<T>>;
  parallel(x.size(), kElementGrain, [&](int64_t begin, int64_t end) {
    From block[kBlock];
    for (int64_t at = begin; at < end; at += kBlock) {
      const int64_t count = std::min(kBlock, end - at);
      for (int64_t i = 0; i < count; i++) block[i] = static_cast<From>(read(x.as<T>()[at + i]));
      store(block, y, at, count);
    }
  });
}

}  // namespace

bool cast_reference(const cast_call& c) {
  EXPECT(c.x.size() == c.y.size());
  if (c.x.dtype == Dtype::boolean) castFrom<uint8_t>(c.x, c.y, [](uint8_t x) { return x != 0; });
  else asNumber(c.x.dtype, [&]<class T>(Type<T>) { castFrom<T>(c.x, c.y, [](T x) { return static_cast<Computed<T>>(x); }); });
  return true;
}

}  // namespace lowbit
