// y = condition ? a : b, all three broadcast; elements of any type are moved as bits.
#include "../../core/strided.h"
#include "../../op.h"
#include "map.h"

namespace lowbit {
namespace {

// Whole runs of conditions; a and b are runs too, or one element. The strides are constants, so the loop becomes vector code.
template <int stepA, int stepB, class T>
void select(const uint8_t* __restrict condition, const T* __restrict a, const T* __restrict b, T* __restrict y, int64_t count) {
  for (int64_t j = 0; j < count; j++) {
    const T p = a[j * stepA], q = b[j * stepB];
    y[j] = condition[j] ? p : q;
  }
}

}  // namespace

bool where_reference(const where_call& c) {
  const auto plan = broadcast(c.y, c.condition, c.a, c.b);
  const uint8_t* conditions = c.condition.as<uint8_t>();
  asBits(c.y.dtype, [&]<class T>(Type<T>) {
    parallel(c.y.size(), kElementGrain, [&](int64_t begin, int64_t end) {
      plan.walk(begin, end, [&](int64_t i, const int64_t* at, int64_t count) {
        const uint8_t* condition = conditions + at[0];
        const T *a = c.a.as<T>() + at[1], *b = c.b.as<T>() + at[2];
        const int64_t stepC = plan.step(0), stepA = plan.step(1), stepB = plan.step(2);
        T* __restrict y = c.y.as<T>() + i;
        if (stepC == 1 && stepA == 1 && stepB == 1) select<1, 1>(condition, a, b, y, count);
        else if (stepC == 1 && stepA == 1 && stepB == 0) select<1, 0>(condition, a, b, y, count);
        else if (stepC == 1 && stepA == 0 && stepB == 1) select<0, 1>(condition, a, b, y, count);
        else
          for (int64_t j = 0; j < count; j++) y[j] = condition[j * stepC] ? a[j * stepA] : b[j * stepB];
      });
    });
  });
  return true;
}

}  // namespace lowbit
