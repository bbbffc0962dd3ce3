// A convolution over panels: a pixel's codes are one run for each row of the kernel, or one for each tap where the taps of a row
// are not neighbours (dilation, groups).
#pragma once
#include "../../core/arithmetic.h"
#include "bands.h"

namespace lowbit {
namespace {

template <class V, class W> bool denseConvolution(const qconv2d_call& c, const W& w) {
  const Bands<V> bands(c);
  const int64_t groups = c.groups.integer(), depth = c.w.shape[3], outputs = c.w.shape[0], perGroup = outputs / groups;
  const bool wholeRows = c.dilations[1] == 1 && groups == 1;
  Panels<V> panels{perGroup, wholeRows ? bands.kh : bands.kh * bands.kw, wholeRows ? bands.kw * depth : depth, nullptr, nullptr, nullptr};

  const int64_t workers = smaller(threads(), bands.count()), offsetBytes = ceilDiv(panels.runs * 8, 64) * 64;
  const int64_t packedBytes = groups * panels.bytes(), ownBytes = Derived::working(c.kept, packedBytes);
  char* scratch = allocateScratch(offsetBytes + ownBytes + workers * bands.codesPerBand() * int64_t{sizeof(typename V::Code)});
  if (!scratch) return false;
  const Derived packed(c.kept, packedBytes, scratch + offsetBytes);
  int64_t* offsets = reinterpret_cast<int64_t*>(scratch);
  auto* copies = reinterpret_cast<typename V::Code*>(scratch + offsetBytes + ownBytes);
  if (!packed.memory) {
    free(scratch);
    return false;
  }
  for (int64_t run = 0; run < panels.runs; run++)
    offsets[run] = wholeRows ? bands.tapOffset(run, 0) : bands.tapOffset(run / bands.kw, run % bands.kw);

  auto panelsOf = [&](int64_t group) {
    Panels<V> own = panels;
    own.place(packed.memory + group * panels.bytes());
    return own;
  };
  if (!packed.filled)
    parallel(groups * panels.count(), 65536 / (panels.panelSize() + 1) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        const int64_t group = i / panels.count(), from = group * perGroup;
        panelsOf(group).pack(i % panels.count(), w.from(from), c.bias.as<int32_t>() + from, c.scale.as<float>() + from, bands.zeroPoint);
      }
    });

  const Output out(c.y, c.yZero, c.qmin, c.qmax);
  const int64_t step = c.strides[1] * bands.channels, down = c.strides[0] * bands.rowCodes;
  bands.each(workers, copies, [&](const typename V::Code* codes, int64_t at, int64_t rows) {
    for (int64_t group = 0; group < groups; group++) {
      const Panels<V> own = panelsOf(group);
      for (int64_t p = 0; p < own.count(); p++)
        for (int64_t row = 0; row < rows; row++) {
          const Pixels<V> pixels{codes + row * down + group * depth, step, offsets};
          strip(bands.columns, own, p, pixels, out, at + row * bands.columns * outputs + group * perGroup + p * own.kWidth, outputs);
        }
    }
  });
  packed.done();
  free(scratch);
  return true;
}

}  // namespace
}  // namespace lowbit
