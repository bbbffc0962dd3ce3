// Pooling: x (n, h, w, c), y (n, oh, ow, c). What differs is what happens to the pixels of a window.
#pragma once
#include <algorithm>
#include <type_traits>

#include "../../core/check.h"
#include "../../core/half.h"
#include "../../core/window.h"
#include "../../cpu/pool.h"

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
        const int64_t count = std::min(kChannelBlock, channels - c);
        Computed<T> results[kChannelBlock];
        std::fill_n(results, count, initial);
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

}  // namespace
}  // namespace lowbit
