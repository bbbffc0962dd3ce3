// Pooling over windows and over whole images.
#include <limits>

#include "../../op.h"
#include "pool.h"

namespace lowbit {
namespace {

template <class C> Window rowsOf(const C& call) {
  return {call.x.dim(1), call.kernel[0], call.strides[0], call.dilations[0], call.pads[0]};
}
template <class C> Window columnsOf(const C& call) {
  return {call.x.dim(2), call.kernel[1], call.strides[1], call.dilations[1], call.pads[1]};
}

template <class T> void maxPoolTyped(const maxPool2d_call& call) {
  using S = Computed<T>;
  constexpr S lowest = std::numeric_limits<S>::has_infinity ? -std::numeric_limits<S>::infinity() : std::numeric_limits<S>::lowest();
  poolWindows<T>(
      call.x, call.y, rowsOf(call), columnsOf(call), lowest, [](S best, S x) { return x > best || x != x ? x : best; },
      [](S best, int64_t, int64_t, int64_t) { return best; });
}

// Taps of window i inside the padded input.
int64_t paddedTaps(const Window& window, int64_t i, int64_t padEnd) {
  const int64_t room = window.input + padEnd - window.start(i);
  return std::min(window.kernel, (room + window.dilation - 1) / window.dilation);
}

template <class T> void averagePoolTyped(const averagePool2d_call& call) {
  using S = Computed<T>;
  const Window rows = rowsOf(call), columns = columnsOf(call);
  const bool countPad = call.countIncludePad.integer() != 0;
  const int64_t bottom = call.pads[2], right = call.pads[3];
  poolWindows<T>(
      call.x, call.y, rows, columns, 0, [](S sum, S x) { return sum + x; },
      [=](S sum, int64_t i, int64_t j, int64_t taps) {
        const int64_t count = countPad ? paddedTaps(rows, i, bottom) * paddedTaps(columns, j, right) : taps;
        return count ? sum / static_cast<S>(count) : S{0};
      });
}

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
