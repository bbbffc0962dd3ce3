// Pooling and its gradients, channels last: a thread has one pixel of the result and one to four channels of it. Taps are added in the
// reference's order, and so are the windows that share a pixel of dx: a thread gathers what they give it. Memory is the limit.
#include "../../cuda/few.cuh"
#include "../../cuda/reduce.cuh"
#include "pool.h"

namespace lowbit {
namespace {

// The windows of x (n, rows.input, columns.input, channels) and the pixels (n, height, width, channels) they give.
struct Windows {
  Window rows, columns;
  int64_t images, height, width, channels;

  template <class C>
  Windows(const C& call, const View& x, const View& y)
      : rows(rowsOf(call, x)), columns(columnsOf(call, x)), images(y.dim(0)), height(y.dim(1)), width(y.dim(2)), channels(y.dim(3)) {
    EXPECT(x.rank == 4 && y.rank == 4 && x.dim(0) == y.dim(0) && x.dim(3) == y.dim(3));
  }
};

// Pixel (n, i, j) of images of a size, and the first of W channels.
template <int W> struct Place {
  int64_t n, i, j, c;

  DEVICE Place(int64_t thread, int64_t height, int64_t width, int64_t channels) {
    const int64_t groups = channels / W, pixel = thread / groups;
    c = thread % groups * W;
    j = pixel % width;
    i = pixel / width % height;
    n = pixel / width / height;
  }
};

// ---- forwards -------------------------------------------------------------------------------------------------------------------

template <class T> struct LargestTap {
  template <int W> struct State {
    Computed<T> best[W];
  };
  T* y;

  template <int W> DEVICE void begin(State<W>& state) const {
    for (int k = 0; k < W; k++) state.best[k] = lowestOf<Computed<T>>();
  }
  template <int W> DEVICE void take(State<W>& state, const Few<T, W>& x, int64_t) const {
    for (int k = 0; k < W; k++)
      state.best[k] = replaces<Computed<T>>(state.best[k], x.of[k]) ? static_cast<Computed<T>>(x.of[k]) : state.best[k];
  }
  template <int W> DEVICE void put(const State<W>& state, int64_t at, int64_t, int64_t, int64_t) const {
    Few<T, W> out;
    for (int k = 0; k < W; k++) out.of[k] = static_cast<T>(state.best[k]);
    writeFew(y + at, out);
  }
};

// Which pixel of the image the largest tap is; -1 for a window without one.
template <class T> struct PixelOfLargestTap {
  template <int W> struct State {
    T best[W];
    Few<int32_t, W> pixel;
  };
  int32_t* pixels;

  template <int W> DEVICE void begin(State<W>& state) const {
    for (int k = 0; k < W; k++) state.best[k] = lowestOf<T>(), state.pixel.of[k] = -1;
  }
  template <int W> DEVICE void take(State<W>& state, const Few<T, W>& x, int64_t pixel) const {
    for (int k = 0; k < W; k++) {
      const bool larger = replaces(state.best[k], x.of[k]) || state.pixel.of[k] < 0;
      state.best[k] = larger ? x.of[k] : state.best[k];
      state.pixel.of[k] = larger ? static_cast<int32_t>(pixel) : state.pixel.of[k];
    }
  }
  template <int W> DEVICE void put(const State<W>& state, int64_t at, int64_t, int64_t, int64_t) const {
    writeFew(pixels + at, state.pixel);
  }
};

template <class T> struct MeanOfTaps {
  template <int W> struct State {
    Computed<T> sum[W];
  };
  T* y;
  Divisor divisor;

  template <int W> DEVICE void begin(State<W>& state) const {
    for (int k = 0; k < W; k++) state.sum[k] = 0;
  }
  template <int W> DEVICE void take(State<W>& state, const Few<T, W>& x, int64_t) const {
    for (int k = 0; k < W; k++) state.sum[k] += static_cast<Computed<T>>(x.of[k]);
  }
  template <int W> DEVICE void put(const State<W>& state, int64_t at, int64_t i, int64_t j, int64_t taps) const {
    const int64_t count = divisor(i, j, taps);
    Few<T, W> out;
    for (int k = 0; k < W; k++) out.of[k] = static_cast<T>(count ? state.sum[k] / static_cast<Computed<T>>(count) : Computed<T>{0});
    writeFew(y + at, out);
  }
};

template <int W, class T, class Rule> __global__ void poolTaps(const T* __restrict__ x, Windows windows, Rule rule) {
  const auto& [rows, columns, images, height, width, channels] = windows;
  FOR_EACH(thread, images * height * width * (channels / W)) {
    const Place<W> at(thread, height, width, channels);
    const Inside vertical = rows.taps(at.i), horizontal = columns.taps(at.j);
    typename Rule::template State<W> state;
    rule.begin(state);
    for (int64_t r = vertical.first; r < vertical.end; r++) {
      for (int64_t s = horizontal.first; s < horizontal.end; s++) {
        const int64_t pixel = (rows.start(at.i) + r * rows.dilation) * columns.input + columns.start(at.j) + s * columns.dilation;
        rule.take(state, readFew<W>(x + (at.n * rows.input * columns.input + pixel) * channels + at.c), pixel);
      }
    }
    const int64_t taps = (vertical.end - vertical.first) * (horizontal.end - horizontal.first);
    rule.put(state, thread * W, at.i, at.j, taps);
  }
}

template <class T, class Rule> void poolOnCard(const T* x, const Windows& windows, Rule rule) {
  const int64_t size = windows.images * windows.height * windows.width * windows.channels;
  if (!size) return;
  if (windows.channels % kFew) run(poolTaps<1, T, Rule>, launchOver(size), x, windows, rule);
  else run(poolTaps<kFew, T, Rule>, launchOver(size / kFew), x, windows, rule);
}

template <class T> void maxPoolOnCard(const maxPool2d_call& c) {
  poolOnCard(c.x.as<T>(), Windows(c, c.x, c.y), LargestTap<T>{c.y.as<T>()});
}
template <class T> void averagePoolOnCard(const averagePool2d_call& c) {
  poolOnCard(c.x.as<T>(), Windows(c, c.x, c.y), MeanOfTaps<T>{c.y.as<T>(), Divisor(c, c.x)});
}

template <class T>
__global__ void averageImages(const T* __restrict__ x, T* __restrict__ y, int64_t size, int64_t pixels, int64_t channels) {
  FOR_EACH(i, size) {
    const T* from = x + i / channels * pixels * channels + i % channels;
    double sum = 0;
#pragma unroll 8
    for (int64_t pixel = 0; pixel < pixels; pixel++) sum += static_cast<double>(static_cast<Computed<T>>(from[pixel * channels]));
    y[i] = static_cast<T>(sum / static_cast<double>(pixels));
  }
}

template <class T> void globalAverageOnCard(const globalAveragePool_call& c) {
  const int64_t size = c.y.size();
  EXPECT(c.x.rank == 4 && size == c.x.dim(0) * c.x.dim(3));
  if (size) run(averageImages<T>, launchOver(size, 128), c.x.as<T>(), c.y.as<T>(), size, c.x.dim(1) * c.x.dim(2), c.x.dim(3));
}

// ---- backwards ------------------------------------------------------------------------------------------------------------------

// The windows along one axis that may have a tap at a position.
struct Around {
  int64_t first, end;

  DEVICE Around(const Window& window, int64_t position, int64_t windows) {
    const int64_t last = position + window.pad, reach = (window.kernel - 1) * window.dilation;
    first = last > reach ? ceilDiv(last - reach, window.stride) : 0;
    end = smaller(last / window.stride + 1, windows);
  }
};
DEVICE bool hasTap(const Window& window, int64_t i, int64_t position) {
  return window.dilation == 1 || (position - window.start(i)) % window.dilation == 0;
}

template <class T> struct LargestGradient {
  const T* dy;
  const int32_t* pixels;

  // What window (i, j) gives to a pixel; its results are at `at`.
  template <int W> DEVICE void add(T (&sum)[W], int64_t at, int64_t pixel, int64_t, int64_t) const {
    const Few<int32_t, W> largest = readFew<W>(pixels + at);
    const Few<T, W> gradient = readFew<W>(dy + at);
    for (int k = 0; k < W; k++)
      if (largest.of[k] == pixel) sum[k] += gradient.of[k];
  }
};

template <class T> struct MeanGradient {
  const T* dy;
  Divisor divisor;

  template <int W> DEVICE void add(T (&sum)[W], int64_t at, int64_t, int64_t i, int64_t j) const {
    const Inside vertical = divisor.rows.taps(i), horizontal = divisor.columns.taps(j);
    const T over = static_cast<T>(divisor(i, j, (vertical.end - vertical.first) * (horizontal.end - horizontal.first)));
    const Few<T, W> gradient = readFew<W>(dy + at);
    for (int k = 0; k < W; k++) sum[k] += gradient.of[k] / over;
  }
};

template <int W, class T, class Rule> __global__ void gatherWindows(T* __restrict__ dx, Windows windows, Rule rule) {
  const auto& [rows, columns, images, height, width, channels] = windows;
  FOR_EACH(thread, images * rows.input * columns.input * (channels / W)) {
    const Place<W> at(thread, rows.input, columns.input, channels);
    const Around vertical(rows, at.i, height), horizontal(columns, at.j, width);
    T sum[W] = {};
    for (int64_t i = vertical.first; i < vertical.end; i++) {
      if (!hasTap(rows, i, at.i)) continue;
      for (int64_t j = horizontal.first; j < horizontal.end; j++) {
        if (!hasTap(columns, j, at.j)) continue;
        rule.add(sum, ((at.n * height + i) * width + j) * channels + at.c, at.i * columns.input + at.j, i, j);
      }
    }
    Few<T, W> out;
    for (int k = 0; k < W; k++) out.of[k] = sum[k];
    writeFew(dx + thread * W, out);
  }
}

template <class T, class Rule> void gatherOnCard(const View& dx, const Windows& windows, Rule rule) {
  if (!dx.size()) return;
  if (windows.channels % kFew) run(gatherWindows<1, T, Rule>, launchOver(dx.size()), dx.as<T>(), windows, rule);
  else run(gatherWindows<kFew, T, Rule>, launchOver(dx.size() / kFew), dx.as<T>(), windows, rule);
}

}  // namespace

bool maxPool2d_cuda(const maxPool2d_call& c) {
  switch (c.x.dtype) {
    case Dtype::float32: maxPoolOnCard<float>(c); return true;
    case Dtype::float64: maxPoolOnCard<double>(c); return true;
    case Dtype::float16: maxPoolOnCard<half>(c); return true;
    case Dtype::int8: maxPoolOnCard<int8_t>(c); return true;
    case Dtype::uint8: maxPoolOnCard<uint8_t>(c); return true;
    default: return false;
  }
}

bool averagePool2d_cuda(const averagePool2d_call& c) {
  switch (c.x.dtype) {
    case Dtype::float32: averagePoolOnCard<float>(c); return true;
    case Dtype::float64: averagePoolOnCard<double>(c); return true;
    case Dtype::float16: averagePoolOnCard<half>(c); return true;
    default: return false;
  }
}

bool globalAveragePool_cuda(const globalAveragePool_call& c) {
  switch (c.x.dtype) {
    case Dtype::float32: globalAverageOnCard<float>(c); return true;
    case Dtype::float64: globalAverageOnCard<double>(c); return true;
    case Dtype::float16: globalAverageOnCard<half>(c); return true;
    default: return false;
  }
}

bool maxPool2dGrad_cuda(const maxPool2dGrad_call& c) {
  return asFloating(c.x.dtype, [&]<class T>(T) {
    const Windows windows(c, c.x, c.dy);
    EXPECT(c.x.size() == c.dx.size());
    const CardScratch pixels(static_cast<size_t>(c.dy.size() + 1) * sizeof(int32_t));
    poolOnCard(c.x.as<T>(), windows, PixelOfLargestTap<T>{pixels.as<int32_t>()});
    gatherOnCard<T>(c.dx, windows, LargestGradient<T>{c.dy.as<T>(), pixels.as<int32_t>()});
  });
}

bool averagePool2dGrad_cuda(const averagePool2dGrad_call& c) {
  return asFloating(c.dy.dtype, [&]<class T>(T) {
    gatherOnCard<T>(c.dx, Windows(c, c.dx, c.dy), MeanGradient<T>{c.dy.as<T>(), Divisor(c, c.dx)});
  });
}

}  // namespace lowbit
