// An NHWC image in bands of output rows: the input rows of a band, padded with the zero point, so that no tap needs a check and
// every tap of a pixel is at a constant offset.
#pragma once
#include "../../core/arithmetic.h"
#include "../../core/check.h"
#include "../../cpu/int8/panels.h"
#include "../../cpu/rowBands.h"
#include "../../op.h"

namespace lowbit {
namespace {

constexpr int64_t kBandBytes = 131072;

template <class V> struct Bands : RowBands {
  using Code = typename V::Code;
  const qconv2d_call& c;
  int64_t height, width, channels, columns, kh, kw;  // of the image, of y, of the kernel
  int64_t rowCodes;                                  // codes of one padded row
  uint8_t flip;
  Code zeroPoint;
  bool inPlace;  // unpadded unsigned bytes are read where they lie

  explicit Bands(const qconv2d_call& call)
      : RowBands(call.x.shape[0], call.y.shape[1], kBandBytes / (rowBytes(call) * call.strides[0] + 1) + 1),
        c(call),
        height(c.x.shape[1]),
        width(c.x.shape[2]),
        channels(c.x.shape[3]),
        columns(c.y.shape[2]),
        kh(c.w.shape[1]),
        kw(c.w.shape[2]),
        rowCodes((width + c.pads[1] + c.pads[3]) * channels),
        flip(flipOf(c.x)),
        zeroPoint(static_cast<Code>(c.xZero.integer() + flip)),
        inPlace(sizeof(Code) == 1 && !flip && !c.pads[0] && !c.pads[1] && !c.pads[2] && !c.pads[3]) {}

  int64_t inputRows(int64_t outputRows) const { return (outputRows - 1) * c.strides[0] + (kh - 1) * c.dilations[0] + 1; }
  int64_t tapOffset(int64_t a, int64_t b) const { return a * c.dilations[0] * rowCodes + b * c.dilations[1] * channels; }
  int64_t codesPerBand() const { return inPlace ? 0 : inputRows(rowsPerBand) * rowCodes + 64; }

  // The padded codes of one band; `scratch` holds codesPerBand().
  const Code* load(int64_t image, int64_t firstRow, int64_t outputRows, Code* scratch) const {
    const uint8_t* x = c.x.as<uint8_t>() + image * height * width * channels;
    const int64_t top = firstRow * c.strides[0] - c.pads[0];
    if (inPlace) return reinterpret_cast<const Code*>(x + top * rowCodes);
    const int64_t left = c.pads[1] * channels, inside = width * channels;
    for (int64_t i = 0; i < inputRows(outputRows); i++) {
      Code* row = scratch + i * rowCodes;
      if (top + i < 0 || top + i >= height) {
        fill(row, row + rowCodes);
        continue;
      }
      fill(row, row + left);
      loadCodes<V>(row + left, x + (top + i) * inside, inside, flip);
      fill(row + left + inside, row + rowCodes);
    }
    return scratch;
  }
  void fill(Code* from, Code* to) const {
    while (from < to) *from++ = zeroPoint;
  }

  // body(codes, y index of the band's first output, rows of the band) for every band, on all threads; scratch is one part a worker.
  template <class F> void each(int64_t workers, Code* scratch, F&& body) const {
    eachBand(workers, [&](int64_t worker, int64_t image, int64_t first, int64_t some) {
      body(load(image, first, some, scratch + worker * codesPerBand()), (image * rows + first) * columns * c.y.shape[3], some);
    });
  }

 private:
  static int64_t rowBytes(const qconv2d_call& call) {
    return (call.x.shape[2] + call.pads[1] + call.pads[3]) * call.x.shape[3] * int64_t{sizeof(Code)};
  }
};

}  // namespace
}  // namespace lowbit
