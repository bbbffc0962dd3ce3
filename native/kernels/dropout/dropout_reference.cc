//   dropout          y = x
//   dropoutTraining  y = x·f where the mask (mask.h) keeps it, else 0; f = 1 / (1 − rate) rounded to float32, or in double for float64
#include <cstring>

#include "../../core/types.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "mask.h"

namespace lowbit {

bool dropout_reference(const dropout_call& c) {
  EXPECT(c.x.size() == c.y.size());
  if (c.x.size()) memcpy(c.y.data, c.x.data, static_cast<size_t>(c.x.size()) * elementBytes(c.x.dtype));
  return true;
}

bool dropoutTraining_reference(const dropoutTraining_call& c) {
  EXPECT(c.x.size() == c.y.size());
  const DropoutMask mask(c.state, c.stream, c.rate);
  asReal(c.x.dtype, [&]<class T>(Type<T>) {
    const T* x = c.x.as<T>();
    T* y = c.y.as<T>();
    const auto factor = static_cast<Computed<T>>(1 / (1 - static_cast<double>(c.rate)));
    parallel(c.x.size(), 4096, [=](int64_t begin, int64_t end) {  // whole blocks of four
      for (int64_t i = begin; i < end; i += 4) {
        const Philox words = mask.block(i / 4);
        for (int64_t j = i; j < i + 4 && j < end; j++)
          y[j] = static_cast<T>(words.word[j - i] >= mask.least ? static_cast<Computed<T>>(x[j]) * factor : 0);
      }
    });
  });
  return true;
}

}  // namespace lowbit
