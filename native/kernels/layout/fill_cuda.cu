// Tensors made from parameters or from a shape alone, on the card.
#include <algorithm>

#include "../../core/convert.h"
#include "../../cuda/launch.h"
#include "../../op.h"

namespace lowbit {
namespace {

template <class T> __global__ void fillElements(T* __restrict__ y, int64_t count, T value) { FOR_EACH(i, count) y[i] = value; }

// y[i] = start + i·delta; integers modulo 2^64, real numbers in double and rounded
template <class T, class Step> __global__ void countElements(T* __restrict__ y, int64_t count, Step start, Step delta) {
  FOR_EACH(i, count) y[i] = static_cast<T>(start + static_cast<Step>(i) * delta);
}

}  // namespace

bool fill_cuda(const fill_call& c) {
  const int64_t count = c.y.size();
  const uint64_t bits = elementBits(c.value, c.y.dtype);
  asBits(c.y.dtype, [&]<class T>(Type<T>) {
    if (count) run(fillElements<T>, launchOver(count), c.y.as<T>(), count, static_cast<T>(bits));
  });
  return true;
}

bool range_cuda(const range_call& c) {
  const int64_t count = c.y.size();
  const double start = c.start, delta = c.delta;
  asNumber(c.y.dtype, [&]<class T>(Type<T>) {
    if (!count) return;
    if constexpr (std::is_integral_v<T>) {
      const auto whole = [](double x) { return static_cast<uint64_t>(convert<int64_t>(x)); };
      run(countElements<T, uint64_t>, launchOver(count), c.y.as<T>(), count, whole(start), whole(delta));
    } else {
      run(countElements<T, double>, launchOver(count), c.y.as<T>(), count, start, delta);
    }
  });
  return true;
}

// y = the dimensions of x from start on: the host knows them.
bool shape_cuda(const shape_call& c) {
  const double rank = c.x.rank, start = c.start.real(0) + (c.start.real(0) < 0 ? rank : 0);
  const int first = static_cast<int>(std::clamp(start, 0.0, rank));
  EXPECT(first + c.y.size() <= c.x.rank);
  if (c.y.size()) copyToCard(c.y.data, c.x.shape + first, static_cast<size_t>(c.y.size()) * sizeof(int64_t));
  return true;
}

}  // namespace lowbit
