// y[i] = f(a[i], b[i]) with broadcasting as in numpy: shapes are aligned at the back, a dimension of 1 repeats.
#pragma once
#include "unary.h"

namespace lowbit {

// Element strides of an operand under the shape of y; 0 where it repeats.
struct Strides {
  int64_t at[kMaxRank];
};

inline Strides broadcastStrides(const View& operand, const View& y) {
  Strides strides{};
  int64_t step = 1;
  for (int i = operand.rank - 1, j = y.rank - 1; i >= 0; i--, j--) {
    EXPECT(j >= 0 && (operand.shape[i] == 1 || operand.shape[i] == y.shape[j]));
    strides.at[j] = operand.shape[i] == 1 ? 0 : step;
    step *= operand.shape[i];
  }
  return strides;
}

template <class T, class R, class F> void zipTyped(const View& a, const View& b, const View& y, F f) {
  const T *left = a.as<T>(), *right = b.as<T>();
  R* out = y.as<R>();
  if (!y.size()) return;
  Strides sa = broadcastStrides(a, y), sb = broadcastStrides(b, y);
  // Rows are the last dimension; walk the outer dimensions as one number per row.
  const int64_t width = y.rank ? y.shape[y.rank - 1] : 1;
  const int last = y.rank ? y.rank - 1 : 0;
  parallel(y.size() / width, kElementGrain / width + 1, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      int64_t rest = row, ia = 0, ib = 0;
      for (int d = last - 1; d >= 0; d--) {
        int64_t index = rest % y.shape[d];
        rest /= y.shape[d];
        ia += index * sa.at[d];
        ib += index * sb.at[d];
      }
      for (int64_t i = 0; i < width; i++)
        out[row * width + i] =
            static_cast<R>(f(static_cast<Computed<T>>(left[ia + i * sa.at[last]]), static_cast<Computed<T>>(right[ib + i * sb.at[last]])));
    }
  });
}

}  // namespace lowbit
