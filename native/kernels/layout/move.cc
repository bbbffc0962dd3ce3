#include "move.h"

#include <string.h>

#include <algorithm>

#include "../../cpu/pool.h"

namespace lowbit {

void move(const View& x, int64_t start, const Strided<1>& plan, const View& y) {
  EXPECT(elementBytes(x.dtype) == elementBytes(y.dtype));
  const int64_t step = plan.step(0);
  asBits(y.dtype, [&]<class T>(Type<T>) {
    parallel(y.size(), kElementGrain, [&](int64_t begin, int64_t end) {
      plan.walk(begin, end, [&](int64_t i, const int64_t* at, int64_t count) {
        const T* from = x.as<T>() + start + at[0];
        T* to = y.as<T>() + i;
        if (step == 1) memcpy(to, from, static_cast<size_t>(count) * sizeof(T));
        else if (step == 0) std::fill_n(to, count, *from);
        else
          for (int64_t j = 0; j < count; j++) to[j] = from[j * step];
      });
    });
  });
}

void copy(const View& x, const View& y) {
  EXPECT(x.size() == y.size());
  Strided<1> plan;
  plan.push(x.size(), {1});
  move(x, 0, plan, y);
}

void fill(const View& y, uint64_t bits) {
  asBits(y.dtype, [&]<class T>(Type<T>) {
    parallel(y.size(), kElementGrain,
             [&](int64_t begin, int64_t end) { std::fill(y.as<T>() + begin, y.as<T>() + end, static_cast<T>(bits)); });
  });
}

}  // namespace lowbit
