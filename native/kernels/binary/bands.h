// An image of signs in bands of output rows: the input rows of a band with their padding, so that no tap needs a check and every tap of a
// pixel is at a constant offset. Padding with 1 is bits of 1; with 0 and -1 bits of 0.
#pragma once
#include "../../cpu/rowBands.h"
#include "panels.h"

namespace lowbit {
namespace {

constexpr int64_t kSignBandBytes = 32768;

struct SignBands : RowBands {
  const binaryConv2d_call& c;
  int64_t height, width, channels, words, columns, kh, kw;  // of the image and its pixels, of y, of the kernel
  int64_t rowWords;                                         // words of one padded row
  bool inPlace;                                             // unpadded whole words are read where they lie

  explicit SignBands(const binaryConv2d_call& call)
      : RowBands(call.x.shape[0], call.y.shape[1], kSignBandBytes / (rowBytes(call) * call.strides[0] + 1) + 1),
        c(call),
        height(c.x.shape[1]),
        width(c.x.shape[2]),
        channels(c.channels.integer()),
        words(signWords(channels)),
        columns(c.y.shape[2]),
        kh(c.kernel[0]),
        kw(c.kernel[1]),
        rowWords((width + c.pads[1] + c.pads[3]) * words),
        inPlace(channels % 64 == 0 && !c.pads[0] && !c.pads[1] && !c.pads[2] && !c.pads[3]) {}

  int64_t inputRows(int64_t outputRows) const { return (outputRows - 1) * c.strides[0] + (kh - 1) * c.dilations[0] + 1; }
  int64_t tapOffset(int64_t a, int64_t b) const { return a * c.dilations[0] * rowWords + b * c.dilations[1] * words; }
  int64_t wordsPerBand() const { return inPlace ? 0 : inputRows(rowsPerBand) * rowWords; }

  // The padded words of one band; `scratch` holds wordsPerBand().
  const uint64_t* load(int64_t image, int64_t firstRow, int64_t outputRows, uint64_t* scratch) const {
    const uint64_t* x = c.x.as<uint64_t>() + image * height * width * words;
    const int64_t top = firstRow * c.strides[0] - c.pads[0];
    if (inPlace) return x + top * rowWords;
    const int64_t left = c.pads[1] * words, inside = width * words;
    for (int64_t i = 0; i < inputRows(outputRows); i++) {
      uint64_t* row = scratch + i * rowWords;
      if (top + i < 0 || top + i >= height) {
        pad(row, row + rowWords);
        continue;
      }
      pad(row, row + left);
      copySigns(row + left, x + (top + i) * inside, width, channels);
      pad(row + left + inside, row + rowWords);
    }
    return scratch;
  }
  void pad(uint64_t* from, uint64_t* to) const {
    const bool ones = c.padValue.integer() == 1;
    for (int64_t i = 0; from < to; i++) *from++ = ones ? firstBits(channels - i % words * 64) : 0;
  }

  // body(words, image, first output row, rows) for every band, on all threads; scratch is one part a worker.
  template <class F> void each(int64_t workers, uint64_t* scratch, F&& body) const {
    eachBand(workers, [&](int64_t worker, int64_t image, int64_t first, int64_t some) {
      body(load(image, first, some, scratch + worker * wordsPerBand()), image, first, some);
    });
  }

 private:
  static int64_t rowBytes(const binaryConv2d_call& call) {
    return (call.x.shape[2] + call.pads[1] + call.pads[3]) * signWords(call.channels.integer()) * 8;
  }
};

}  // namespace
}  // namespace lowbit
