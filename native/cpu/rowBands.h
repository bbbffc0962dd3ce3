// The output rows of a batch of images in bands: so low that what a band reads stays in a cache, and at least one for every thread.
#pragma once
#include "../core/arithmetic.h"
#include "pool.h"

namespace lowbit {
namespace {

struct RowBands {
  int64_t images, rows, rowsPerBand, bandsPerImage;

  // `fitting` rows of outputs at most; bands are of about equal height
  INLINE RowBands(int64_t imageCount, int64_t rowsOfImage, int64_t fitting) : images(imageCount), rows(rowsOfImage) {
    const int64_t fair = ceilDiv(images * rows, threads());
    bandsPerImage = ceilDiv(rows, smaller(rows, smaller(fitting, fair)));
    rowsPerBand = ceilDiv(rows, bandsPerImage);
    bandsPerImage = ceilDiv(rows, rowsPerBand);
  }
  INLINE int64_t count() const { return images * bandsPerImage; }

  // body(worker, image, first row, rows of the band) for every band, on all threads.
  template <class F> void eachBand(int64_t workers, F&& body) const {
    parallel(workers, 1, [&](int64_t begin, int64_t end) {
      for (int64_t worker = begin; worker < end; worker++)
        for (int64_t i = count() * worker / workers; i < count() * (worker + 1) / workers; i++) {
          const int64_t first = i % bandsPerImage * rowsPerBand;
          body(worker, i / bandsPerImage, first, smaller(rowsPerBand, rows - first));
        }
    });
  }
};

}  // namespace
}  // namespace lowbit
