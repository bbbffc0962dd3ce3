#include "wide.h"

#include "convert.h"

namespace lowbit {

template <class W> void widen(const View& x, int64_t at, int64_t step, int64_t count, W* to) {
  auto elements = [&](auto* from, auto read) {
    from += at;
    if (step == 1)
      for (int64_t i = 0; i < count; i++) to[i] = static_cast<W>(read(from[i]));
    else
      for (int64_t i = 0; i < count; i++) to[i] = static_cast<W>(read(from[i * step]));
  };
  // Any byte other than 0 is true.
  if (x.dtype == Dtype::boolean) return elements(x.as<const uint8_t>(), [](uint8_t byte) { return byte != 0; });
  auto numbers = [&]<class T>(Type<T>) { elements(x.as<const T>(), [](T number) { return static_cast<Computed<T>>(number); }); };
  if constexpr (std::is_same_v<W, double>) asNumber(x.dtype, numbers);
  else asInteger(x.dtype, numbers);
}

template <class W> void narrow(const W* from, const View& y, int64_t at, int64_t count) {
  auto elements = [&]<class T>(Type<T>) {
    T* to = y.as<T>() + at;
    for (int64_t i = 0; i < count; i++) to[i] = convert<T>(from[i]);
  };
  if (y.dtype == Dtype::boolean) elements(Type<bool>{});
  else asNumber(y.dtype, elements);
}

template void widen(const View&, int64_t, int64_t, int64_t, double*);
template void widen(const View&, int64_t, int64_t, int64_t, int64_t*);
template void widen(const View&, int64_t, int64_t, int64_t, uint64_t*);
template void narrow(const double*, const View&, int64_t, int64_t);
template void narrow(const int64_t*, const View&, int64_t, int64_t);
template void narrow(const uint64_t*, const View&, int64_t, int64_t);

}  // namespace lowbit
