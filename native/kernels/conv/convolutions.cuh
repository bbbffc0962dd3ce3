// The convolutions for graphics cards, whose products are what Arithmetic makes of them (cuda/product.cuh, cuda/tensorProduct.cuh).
#pragma once
#include "depthwise.cuh"

namespace lowbit {
namespace {

// A window of one pixel that moves pixel by pixel sees one long line.
inline Conv flattened(Conv p) {
  const auto plain = [](const Window& w) { return w.kernel == 1 && w.stride == 1 && w.pad == 0; };
  const int64_t pixels = p.batch * p.height * p.width;
  if (!plain(p.rows) || !plain(p.columns) || p.height != p.rows.input || p.width != p.columns.input) return p;
  if (pixels * p.channels > INT32_MAX) return p;
  p.width = p.columns.input = pixels;
  p.batch = p.height = p.rows.input = 1;
  return p;
}

// Declined are other types than Arithmetic takes; images, weights and grids beyond 2^31; and of other than exact products those with one
// channel a group, which are no work for tensor cores.
template <class Arithmetic> struct ConvolutionRows {
  // Of Conv and WeightGrad alike.
  template <class Sizes> static bool takes(const Sizes& p, const View& x, const View& w, int64_t pixels, int64_t parts) {
    const auto fits = [](int64_t size) { return size <= INT32_MAX; };
    return Arithmetic::takes(x.dtype) && (Arithmetic::exact || p.groupIn > 1 || p.groupOut > 1) &&
           fits(p.rows.input * p.columns.input * p.channels) && fits(w.size()) && fits(pixels) && fits(parts);
  }

  template <class T, bool along>
  static bool convolution(const Conv& sizes, bool backwards, const View& x, const View& w, const Output<T>& out) {
    if (!takes(sizes, x, w, sizes.batch * sizes.width, sizes.groups * sizes.height * sizes.columns.stride)) return false;
    const Windows<T, along> p(flattened(sizes), backwards, x, w, out);
    if constexpr (Arithmetic::exact && sizeof(T) == 4) {
      if (depthwise(p)) return true;
    }
    Arithmetic::template multiply<T>(p);
    return true;
  }
  template <class T, class C> static bool forward(const C& c, const Finish<T>& finish) {
    const Conv p = convOf(c);
    return convolution<T, true>(p, false, c.x, c.w, {c.y.template as<T>(), p.out, c.bias.template as<T>(), 0, finish});
  }
  static bool conv2d(const conv2d_call& c) { return c.x.dtype == Dtype::float64 ? forward<double>(c, {}) : forward<float>(c, {}); }
  static bool conv2dAddClip(const conv2dAddClip_call& c) {
    return c.x.dtype == Dtype::float64 ? forward<double>(c, finishOf<double>(c.plus, c.y, c.min, c.max))
                                       : forward<float>(c, finishOf<float>(c.plus, c.y, c.min, c.max));
  }

  template <class T> static bool transposed(const convTranspose2d_call& c) {
    const Conv p = convOf(c);
    return convolution<T, true>(p, true, c.x, c.w, {c.y.as<T>(), p.out, c.bias.as<T>(), 0});
  }
  static bool convTranspose2d(const convTranspose2d_call& c) {
    return c.x.dtype == Dtype::float64 ? transposed<double>(c) : transposed<float>(c);
  }

  template <class T> static bool inputGrad(const conv2dInputGrad_call& c) {
    const Conv p = convOf(c);
    return convolution<T, false>(p, true, c.dy, c.w, {c.dx.as<T>(), p.out, c.plus.size() ? c.plus.as<T>() : nullptr, p.out});
  }
  static bool conv2dInputGrad(const conv2dInputGrad_call& c) {
    return c.dy.dtype == Dtype::float64 ? inputGrad<double>(c) : inputGrad<float>(c);
  }

  template <class T> static bool weightGrad(const conv2dWeightGrad_call& c) {
    const WeightGrad p(c);
    if (!takes(p, c.x, c.dw, p.chunks.lines * p.width, p.chunks.count * p.groups)) return false;
    multiplyChunks(p.chunks.count, c.dw.as<T>(), c.dw.size(), [&](T* sums) {
      const WindowGrad<T> grad(p, c.dy, c.x, sums);
      if constexpr (Arithmetic::exact) {
        if (p.groupIn == 1 && p.groupOut == 1) return run(gradDepthwise<T>, launchOver(grad.parts * int64_t{grad.columns}), grad);
      }
      Arithmetic::template multiply<T>(grad);
    });
    return true;
  }
  static bool conv2dWeightGrad(const conv2dWeightGrad_call& c) {
    return c.dy.dtype == Dtype::float64 ? weightGrad<double>(c) : weightGrad<float>(c);
  }
};

}  // namespace
}  // namespace lowbit
