// An NHWC image in bands of output rows: the input rows of a band, padded with the zero point, so that no tap needs a check and
// every tap of a pixel is at a constant offset.
#pragma once
#include "../../core/arithmetic.h"
#include "../../core/check.h"
#include "../../cpu/int8/panels.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

template <class V> struct Bands {
  using Code = typename V::Code;
  const qconv2d_call& c;
  int64_t height, width, channels, rows, columns, kh, kw;  // of the image, of y, of the kernel
  int64_t rowCodes;                                        // codes of one padded row
  int64_t rowsPerBand, bandsPerImage;
  uint8_t flip;
  Code zeroPoint;
  bool inPlace;  // unpadded unsigned bytes are read where they lie

  explicit Bands(const qconv2d_call& call)
      : c(call),
        height(c.x.shape[1]),
        width(c.x.shape[2]),
        channels(c.x.shape[3]),
        rows(c.y.shape[1]),
        columns(c.y.shape[2]),
        kh(c.w.shape[1]),
        kw(c.w.shape[2]),
        rowCodes((width + c.pads[1] + c.pads[3]) * channels),
        flip(flipOf(c.x)),
        zeroPoint(static_cast<Code>(c.xZero.integer() + flip)),
        inPlace(sizeof(Code) == 1 && !flip && !c.pads[0] && !c.pads[1] && !c.pads[2] && !c.pads[3]) {
    // About 128 KB a band, a share for every thread, and bands of about equal height.
    const int64_t fitting = 131072 / (rowCodes * int64_t{sizeof(Code)} * c.strides[0] + 1) + 1;
    const int64_t fair = ceilDiv(c.x.shape[0] * rows, threads());
    bandsPerImage = ceilDiv(rows, smaller(rows, smaller(fitting, fair)));
    rowsPerBand = ceilDiv(rows, bandsPerImage);
    bandsPerImage = ceilDiv(rows, rowsPerBand);
  }

  int64_t count() const { return c.x.shape[0] * bandsPerImage; }
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
    parallel(workers, 1, [&](int64_t begin, int64_t end) {
      for (int64_t worker = begin; worker < end; worker++)
        for (int64_t i = count() * worker / workers; i < count() * (worker + 1) / workers; i++) {
          const int64_t image = i / bandsPerImage, first = i % bandsPerImage * rowsPerBand, bandRows = smaller(rowsPerBand, rows - first);
          const Code* codes = load(image, first, bandRows, scratch + worker * codesPerBand());
          body(codes, (image * rows + first) * columns * c.y.shape[3], bandRows);
        }
    });
  }
};

}  // namespace
}  // namespace lowbit
