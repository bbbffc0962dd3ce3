// Pooling over windows and over whole images.
#include <algorithm>

#include "pool.h"

namespace lowbit {
namespace {

// A mean over all pixels has many terms: the sum is double.
template <class T> void globalAverageTyped(const View& x, const View& y) {
  const T* in = x.as<T>();
  T* out = y.as<T>();
  const int64_t pixels = x.dim(1) * x.dim(2), channels = x.dim(3), blocks = (channels + kChannelBlock - 1) / kChannelBlock;
  parallel(x.dim(0) * blocks, 1 + 256 / (pixels + 1), [=](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) {
      const int64_t n = at / blocks, c = at % blocks * kChannelBlock, count = std::min(kChannelBlock, channels - c);
      double sums[kChannelBlock] = {};
      for (int64_t pixel = 0; pixel < pixels; pixel++) {
        const T* from = in + (n * pixels + pixel) * channels + c;
        for (int64_t k = 0; k < count; k++) sums[k] += static_cast<Computed<T>>(from[k]);
      }
      for (int64_t k = 0; k < count; k++) out[n * channels + c + k] = static_cast<T>(sums[k] / static_cast<double>(pixels));
    }
  });
}

}  // namespace

// y = the largest tap inside the image; NaN wins
bool maxPool2d_reference(const maxPool2d_call& call) {
  switch (call.x.dtype) {
    case Dtype::float32: maxPoolTyped<float>(call); return true;
    case Dtype::float64: maxPoolTyped<double>(call); return true;
    case Dtype::float16: maxPoolTyped<half>(call); return true;
    case Dtype::int8: maxPoolTyped<int8_t>(call); return true;
    case Dtype::uint8: maxPoolTyped<uint8_t>(call); return true;
    default: EXPECT(!"a type that maxPool2d takes"); return false;
  }
}

// y = Σ taps inside the image / how many taps count, the sum in (kh, kw) order and in the type of x (float for float16)
bool averagePool2d_reference(const averagePool2d_call& call) {
  switch (call.x.dtype) {
    case Dtype::float32: averagePoolTyped<float>(call); return true;
    case Dtype::float64: averagePoolTyped<double>(call); return true;
    case Dtype::float16: averagePoolTyped<half>(call); return true;
    default: EXPECT(!"a real element type"); return false;
  }
}

// y = Σ pixels / number of pixels
bool globalAveragePool_reference(const globalAveragePool_call& call) {
  EXPECT(call.x.rank == 4 && call.y.size() == call.x.dim(0) * call.x.dim(3));
  switch (call.x.dtype) {
    case Dtype::float32: globalAverageTyped<float>(call.x, call.y); return true;
    case Dtype::float64: globalAverageTyped<double>(call.x, call.y); return true;
    case Dtype::float16: globalAverageTyped<half>(call.x, call.y); return true;
    default: EXPECT(!"a real element type"); return false;
  }
}

}  // namespace lowbit
