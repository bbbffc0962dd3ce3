// Pooling: x (n, h, w, c), y (n, oh, ow, c). What differs is what happens to the pixels of a window.
#pragma once
#include <limits>
#include <type_traits>

#include "../../core/arithmetic.h"
#include "../../core/check.h"
#include "../../core/half.h"
#include "../../core/window.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

constexpr int64_t kChannelBlock = 64;  // channels that are worked on together, their results in registers or L1

template <class T> using Computed = std::conditional_t<std::is_same_v<T, half>, float, T>;

// For every pixel (i, j) of y and every block of channels: results start as `initial`, step(result, x) takes each tap inside the image in
// (kh, kw) order, and finish(result, i, j, taps) is stored.
template <class T, class Step, class Finish>
void poolWindows(const View& x, const View& y, const Window& rows, const Window& columns, Computed<T> initial, Step step, Finish finish) {
  EXPECT(x.rank == 4 && y.rank == 4 && x.dim(0) == y.dim(0) && x.dim(3) == y.dim(3));
  const T* in = x.as<T>();
  T* out = y.as<T>();
  const int64_t height = y.dim(1), width = y.dim(2), channels = y.dim(3);
  parallel(y.dim(0) * height * width, 4096 / (channels * rows.kernel * columns.kernel + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t pixel = begin; pixel < end; pixel++) {
      const int64_t j = pixel % width, i = pixel / width % height, n = pixel / width / height;
      const Inside vertical = rows.taps(i), horizontal = columns.taps(j);
      const int64_t taps = (vertical.end - vertical.first) * (horizontal.end - horizontal.first);
      for (int64_t c = 0; c < channels; c += kChannelBlock) {
        const int64_t count = smaller(kChannelBlock, channels - c);
        Computed<T> results[kChannelBlock];
        for (int64_t k = 0; k < count; k++) results[k] = initial;
        for (int64_t r = vertical.first; r < vertical.end; r++) {
          for (int64_t s = horizontal.first; s < horizontal.end; s++) {
            const int64_t row = rows.start(i) + r * rows.dilation, column = columns.start(j) + s * columns.dilation;
            const T* from = in + ((n * rows.input + row) * columns.input + column) * channels + c;
            for (int64_t k = 0; k < count; k++) results[k] = step(results[k], static_cast<Computed<T>>(from[k]));
          }
        }
        for (int64_t k = 0; k < count; k++) out[pixel * channels + c + k] = static_cast<T>(finish(results[k], i, j, taps));
      }
    }
  });
}

template <class C> INLINE Window rowsOf(const C& call, const View& x) {
  return {x.dim(1), call.kernel[0], call.strides[0], call.dilations[0], call.pads[0]};
}
template <class C> INLINE Window columnsOf(const C& call, const View& x) {
  return {x.dim(2), call.kernel[1], call.strides[1], call.dilations[1], call.pads[1]};
}

// The larger of a maximum so far and x; NaN wins.
template <class S> INLINE bool replaces(S best, S x) { return x > best || x != x; }

template <class S> constexpr S lowestOf() {
  return std::numeric_limits<S>::has_infinity ? -std::numeric_limits<S>::infinity() : std::numeric_limits<S>::lowest();
}

template <class T> void maxPoolTyped(const maxPool2d_call& call) {
  using S = Computed<T>;
  constexpr S lowest = lowestOf<S>();
  poolWindows<T>(
      call.x, call.y, rowsOf(call, call.x), columnsOf(call, call.x), lowest, [](S best, S x) { return replaces(best, x) ? x : best; },
      [](S best, int64_t, int64_t, int64_t) { return best; });
}

// What the sum of a window is divided by; 0 for a window without a pixel.
struct Divisor {
  Window rows, columns;
  bool countPad;
  int64_t bottom, right;

  template <class C>
  INLINE Divisor(const C& call, const View& x)
      : rows(rowsOf(call, x)),
        columns(columnsOf(call, x)),
        countPad(call.countIncludePad.integer() != 0),
        bottom(call.pads[2]),
        right(call.pads[3]) {}
  // For window (i, j) with so many taps inside the image.
  INLINE int64_t operator()(int64_t i, int64_t j, int64_t taps) const {
    return countPad ? paddedTaps(rows, i, bottom) * paddedTaps(columns, j, right) : taps;
  }

 private:
  // Taps of window i inside the padded input.
  static INLINE int64_t paddedTaps(const Window& window, int64_t i, int64_t padEnd) {
    return smaller(window.kernel, ceilDiv(window.input + padEnd - window.start(i), window.dilation));
  }
};

template <class T> void averagePoolTyped(const averagePool2d_call& call) {
  using S = Computed<T>;
  const Divisor divisor(call, call.x);
  poolWindows<T>(
      call.x, call.y, divisor.rows, divisor.columns, 0, [](S sum, S x) { return sum + x; },
      [=](S sum, int64_t i, int64_t j, int64_t taps) {
        const int64_t count = divisor(i, j, taps);
        return count ? sum / static_cast<S>(count) : S{0};
      });
}

}  // namespace
}  // namespace lowbit
