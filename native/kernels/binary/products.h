// The vector rows of binaryGemm and binaryConv2d over panels.
#pragma once
#include "../../cpu/pool.h"
#include "bands.h"
#include "border.h"

namespace lowbit {
namespace {

template <class V> void packAll(const SignPanels<V>& panels, const View& w, const View& scale, const View& bias) {
  parallel(panels.count(), 8192 / (panels.words() * panels.kWidth + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; p++) panels.pack(p, w, scale.as<float>(), bias.as<float>());
  });
}

// Rows of a in blocks that stay in L1 while every panel passes over them; with fewer blocks than threads the panels are shared out as well.
template <class V> bool multiplySigns(const binaryGemm_call& c) {
  expectProduct(c);
  constexpr int64_t kRows = 8 * V::kTileRows;
  const int64_t rows = c.a.count(0, c.a.rank - 1), columns = c.columns.integer(), words = signWords(columns);
  if (!c.y.size()) return true;
  if (!words) return false;
  SignPanels<V> panels{c.b.shape[0], 1, columns, nullptr, nullptr, nullptr, nullptr};
  const int64_t blocks = ceilDiv(rows, kRows), parts = blocks < threads() ? smaller(threads(), panels.count()) : 1, items = blocks * parts;
  const int64_t workers = smaller(threads(), items), startBytes = panels.padded() * 4, ownBytes = Derived::working(c.kept, panels.bytes());
  const int64_t blockWords = columns % 64 ? kRows * words : 0;
  char* scratch = allocateScratch(startBytes + ownBytes + workers * blockWords * 8);
  if (!scratch) return false;
  const Derived packed(c.kept, panels.bytes(), scratch + startBytes);
  if (!packed.memory) {
    free(scratch);
    return false;
  }
  panels.place(packed.memory);
  if (!packed.filled) packAll(panels, c.b, c.scale, c.bias);
  packed.done();
  auto* starts = reinterpret_cast<int32_t*>(scratch);
  for (int64_t o = 0; o < panels.padded(); o++) starts[o] = static_cast<int32_t>(columns);

  const SignOutput out(c);
  clearSigns(c.y, out);
  const int64_t offset = 0, places[kRows] = {};
  parallel(workers, 1, [&](int64_t begin, int64_t end) {
    for (int64_t worker = begin; worker < end; worker++)
      for (int64_t item = items * worker / workers; item < items * (worker + 1) / workers; item++) {
        const int64_t first = item / parts * kRows, count = smaller(kRows, rows - first), part = item % parts;
        const uint64_t* a = c.a.as<uint64_t>() + first * words;
        if (blockWords) {
          uint64_t* copy = reinterpret_cast<uint64_t*>(scratch + startBytes + ownBytes) + worker * blockWords;
          copySigns(copy, a, count, columns);
          a = copy;
        }
        const SignPixels pixels{a, words, 1, words, &offset, starts, places};
        for (int64_t p = panels.count() * part / parts; p < panels.count() * (part + 1) / parts; p++)
          strip<V>(count, panels.at(p), pixels, out, first);
      }
  });
  free(scratch);
  return true;
}

template <class V> bool convolveSigns(const binaryConv2d_call& c) {
  expectProduct(c);
  if (c.groups.integer() != 1 || !c.channels.integer()) return false;
  if (!c.y.size()) return true;
  const SignBands bands(c);
  SignPanels<V> panels{c.w.shape[0], bands.kh * bands.kw, bands.channels, nullptr, nullptr, nullptr, nullptr};
  const Border border(c, panels.padded());
  const bool wholeRows = c.dilations[1] == 1;  // the taps of a row are one run
  const int64_t runs = wholeRows ? bands.kh : panels.taps, length = wholeRows ? bands.kw * bands.words : bands.words;

  // Offsets of runs, places of rows and columns, starts, panels, bands.
  const int64_t workers = smaller(threads(), bands.count()), startCount = border.starts();
  const int64_t headBytes = ceilDiv((runs + border.places()) * 8 + startCount * 4, 64) * 64;
  const int64_t ownBytes = Derived::working(c.kept, panels.bytes());
  char* scratch = allocateScratch(headBytes + ownBytes + workers * bands.wordsPerBand() * 8);
  if (!scratch) return false;
  const Derived packed(c.kept, panels.bytes(), scratch + headBytes);
  if (!packed.memory) {
    free(scratch);
    return false;
  }
  panels.place(packed.memory);
  if (!packed.filled) packAll(panels, c.w, c.scale, c.bias);
  packed.done();

  auto *offsets = reinterpret_cast<int64_t*>(scratch), *rowPlaces = offsets + runs, *columnPlaces = rowPlaces + bands.rows;
  auto* starts = reinterpret_cast<int32_t*>(columnPlaces + bands.columns);
  border.fill(panels, starts, rowPlaces, columnPlaces);
  for (int64_t run = 0; run < runs; run++)
    offsets[run] = wholeRows ? bands.tapOffset(run, 0) : bands.tapOffset(run / bands.kw, run % bands.kw);

  const SignOutput out(c);
  clearSigns(c.y, out);
  const int64_t step = c.strides[1] * bands.words, down = c.strides[0] * bands.rowWords;
  bands.each(workers, reinterpret_cast<uint64_t*>(scratch + headBytes + ownBytes),
             [&](const uint64_t* words, int64_t image, int64_t first, int64_t rows) {
               for (int64_t p = 0; p < panels.count(); p++)
                 for (int64_t row = 0; row < rows; row++) {
                   const SignPixels pixels{words + row * down, step, runs, length, offsets, starts + rowPlaces[first + row], columnPlaces};
                   strip<V>(bands.columns, panels.at(p), pixels, out, (image * bands.rows + first + row) * bands.columns);
                 }
             });
  free(scratch);
  return true;
}

}  // namespace
}  // namespace lowbit
