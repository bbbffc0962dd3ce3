// y = fma(x − mean, f, bias), f = scale / √(variance + epsilon): every operation rounded to the computing type.
#include <cmath>
#include <vector>

#include "../../cpu/pool.h"
#include "../../op.h"
#include "batch.h"

namespace lowbit {
namespace {

template <class T> void batchNormTyped(const batchNorm_call& call) {
  using S = Computed<T>;
  const Axis axis(call.x, call.axis.integer());
  const int64_t channels = axis.length, inner = axis.inner;
  for (const View* view : {&call.scale, &call.bias, &call.mean, &call.variance}) EXPECT(view->size() == channels);
  std::vector<S> mean(channels), factor(channels), bias(channels);
  for (int64_t c = 0; c < channels; c++) {
    mean[c] = call.mean.as<T>()[c];
    bias[c] = call.bias.as<T>()[c];
    factor[c] = static_cast<S>(call.scale.as<T>()[c]) /
                std::sqrt(static_cast<S>(call.variance.as<T>()[c]) + static_cast<S>(static_cast<double>(call.epsilon)));
  }
  const T* x = call.x.as<T>();
  T* y = call.y.as<T>();
  parallel(axis.outer, 16384 / (channels * inner + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const T* in = x + row * channels * inner;
      T* out = y + row * channels * inner;
      if (inner == 1) {
        for (int64_t c = 0; c < channels; c++) out[c] = static_cast<T>(normalized<S>(in[c], mean[c], factor[c], bias[c]));
        continue;
      }
      for (int64_t c = 0; c < channels; c++)
        for (int64_t i = c * inner; i < (c + 1) * inner; i++) out[i] = static_cast<T>(normalized<S>(in[i], mean[c], factor[c], bias[c]));
    }
  });
}

}  // namespace

bool batchNorm_reference(const batchNorm_call& call) {
  return withReal(call.x.dtype, [&](auto type) { batchNormTyped<decltype(type)>(call); });
}

}  // namespace lowbit
