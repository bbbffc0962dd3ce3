// Gradients of pooling: dx begins as zeros, then every window adds to its pixels, windows in order. A thread has the images and blocks of
// channels to itself that it works on, so no two threads add to one element and the order of the sums is that of the windows.
#pragma once
#include "pool.h"

namespace lowbit {
namespace {

// One window: its taps inside the image are pixels (row + r·rowStep)·width + column + s·columnStep of the image.
struct Taps {
  int64_t i, j, row, rowStep, rows, column, columnStep, columns, width;

  // body(pixel) for each of them, in (kh, kw) order
  template <class F> INLINE void each(F&& body) const {
    for (int64_t r = 0; r < rows; r++)
      for (int64_t s = 0; s < columns; s++) body((row + r * rowStep) * width + column + s * columnStep);
  }
};

// body(taps, image, dy, dx, count) for every window and block of channels: `image` is where the block begins in pixel 0 of the image,
// counted in elements of dx; dy and dx are those of the block.
template <class T, class F> void eachWindow(const View& dyView, const View& dxView, const Window& rows, const Window& columns, F body) {
  EXPECT(dyView.rank == 4 && dxView.rank == 4 && dyView.dim(0) == dxView.dim(0) && dyView.dim(3) == dxView.dim(3));
  const T* dy = dyView.as<T>();
  T* dx = dxView.as<T>();
  const int64_t height = dyView.dim(1), width = dyView.dim(2), channels = dyView.dim(3), pixels = dxView.dim(1) * dxView.dim(2);
  const int64_t blocks = ceilDiv(channels, kChannelBlock);
  parallel(dxView.dim(0) * blocks, kElementGrain / (pixels * smaller(channels, kChannelBlock) + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) {
      const int64_t n = at / blocks, c = at % blocks * kChannelBlock, count = smaller(kChannelBlock, channels - c);
      const int64_t image = n * pixels * channels + c;
      for (int64_t pixel = 0; pixel < pixels; pixel++)
        for (int64_t k = 0; k < count; k++) dx[image + pixel * channels + k] = 0;
      for (int64_t i = 0; i < height; i++) {
        for (int64_t j = 0; j < width; j++) {
          const Inside vertical = rows.taps(i), horizontal = columns.taps(j);
          const Taps taps{i,
                          j,
                          rows.start(i) + vertical.first * rows.dilation,
                          rows.dilation,
                          vertical.end - vertical.first,
                          columns.start(j) + horizontal.first * columns.dilation,
                          columns.dilation,
                          horizontal.end - horizontal.first,
                          columns.input};
          body(taps, image, dy + ((n * height + i) * width + j) * channels + c, dx + image, count);
        }
      }
    }
  });
}

template <class T> void maxPoolGradTyped(const maxPool2dGrad_call& call) {
  const T* x = call.x.as<T>();
  const int64_t channels = call.x.dim(3);
  EXPECT(call.x.size() == call.dx.size());
  eachWindow<T>(call.dy, call.dx, rowsOf(call, call.x), columnsOf(call, call.x),
                [=](const Taps& taps, int64_t image, const T* __restrict dy, T* __restrict dx, int64_t count) {
                  if (!taps.rows || !taps.columns) return;
                  T best[kChannelBlock];
                  int32_t place[kChannelBlock];
                  for (int64_t k = 0; k < count; k++) {
                    best[k] = lowestOf<T>();
                    place[k] = static_cast<int32_t>(taps.row * taps.width + taps.column);
                  }
                  taps.each([&](int64_t pixel) {
                    const T* __restrict from = x + image + pixel * channels;
                    for (int64_t k = 0; k < count; k++) {
                      const bool larger = replaces(best[k], from[k]);
                      best[k] = larger ? from[k] : best[k];
                      place[k] = larger ? static_cast<int32_t>(pixel) : place[k];
                    }
                  });
                  for (int64_t k = 0; k < count; k++) dx[place[k] * channels + k] += dy[k];
                });
}

template <class T> void averagePoolGradTyped(const averagePool2dGrad_call& call) {
  const Divisor divisor(call, call.dx);
  const int64_t channels = call.dx.dim(3);
  eachWindow<T>(call.dy, call.dx, divisor.rows, divisor.columns,
                [=](const Taps& taps, int64_t, const T* __restrict dy, T* __restrict dx, int64_t count) {
                  const T over = static_cast<T>(divisor(taps.i, taps.j, taps.rows * taps.columns));
                  T share[kChannelBlock];
                  for (int64_t k = 0; k < count; k++) share[k] = dy[k] / over;
                  taps.each([&](int64_t pixel) {
                    T* __restrict to = dx + pixel * channels;
                    for (int64_t k = 0; k < count; k++) to[k] += share[k];
                  });
                });
}

}  // namespace
}  // namespace lowbit
