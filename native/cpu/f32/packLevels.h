// Packed low-bit weights as floats, f32(level·scale). A lane is an output; the 32 bits of its row that are loaded at a time hold the
// weights of several steps.
#pragma once
#include "../../core/levels.h"
#include "tile.h"
#include "words.h"

namespace lowbit {
namespace {

struct PackedRows {
  const uint8_t* codes;  // (outputs, rowBytes)
  int64_t rowBytes;
  Levels levels;
  const float* scale;

  // The rows of kWidth outputs from `first` on, of which `count` exist.
  INLINE LaneRows<kWidth> rows(int64_t first, int64_t count) const { return {codes + first * rowBytes, rowBytes, count}; }
  // Steps whose codes are in the words that begin with that of step k.
  INLINE int64_t stepsInWord(int64_t k) const { return (32 - k * levels.bits % 8) / levels.bits; }
  // Those words, the code of step k in the lowest bits.
  INLINE Words words(const LaneRows<kWidth>& rows, int64_t k) const {
    const int64_t bit = k * levels.bits;
    return shiftRight(loadWords(rows, bit / 8), static_cast<int>(bit % 8));
  }
  // The weights of the codes in the lowest bits.
  INLINE Vector weights(Words words, Vector factor) const {
    const Vector code = maskedNumbers(words, (1 << levels.bits) - 1);
    return multiply(multiplyAdd(code, repeat(static_cast<float>(levels.step)), repeat(static_cast<float>(levels.lowest))), factor);
  }

  // The panel that tile.h reads, [steps][panelWidth(outputs)], from row `first` on; lanes without an output are 0.
  void pack(int64_t first, int64_t outputs, int64_t steps, float* panel) const {
    const int64_t width = panelWidth(outputs);
    for (int64_t lane = 0; lane < width; lane += kWidth) {
      const LaneRows<kWidth> own = rows(first + lane, outputs - lane);
      const Vector factor = Lanes(outputs - lane).load(scale + first + lane);
      for (int64_t k = 0, end; k < steps; k = end) {
        end = smaller(steps, k + stepsInWord(k));
        Words codes = words(own, k);
        for (int64_t i = k; i < end; i++, codes = shiftRight(codes, levels.bits))
          Lanes(kWidth).store(panel + i * width + lane, weights(codes, factor));
      }
    }
  }
};

}  // namespace
}  // namespace lowbit
