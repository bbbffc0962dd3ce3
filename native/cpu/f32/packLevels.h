// Packed low-bit weights decoded into the panels that tile.h reads: [steps][panelWidth(outputs)], lanes without an output are 0. A lane is
// an output; the 32 bits of its row that are loaded at a time hold several steps.
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

  // panel[k][j] = f32(level·scale) of code firstStep + k of row `first` + j.
  void pack(int64_t first, int64_t outputs, int64_t firstStep, int64_t steps, float* panel) const {
    const int64_t width = panelWidth(outputs);
    const Vector step = repeat(static_cast<float>(levels.step)), lowest = repeat(static_cast<float>(levels.lowest));
    const int bits = levels.bits, mask = (1 << bits) - 1;
    for (int64_t lane = 0; lane < width; lane += kWidth) {
      const LaneRows<kWidth> rows(codes + (first + lane) * rowBytes, rowBytes, outputs - lane);
      const Vector factor = Lanes(outputs - lane).load(scale + first + lane);
      for (int64_t k = 0; k < steps;) {
        const int64_t bit = (firstStep + k) * bits, inWord = k + (32 - bit % 8) / bits, end = inWord < steps ? inWord : steps;
        Words words = shiftRight(loadWords(rows, bit / 8), static_cast<int>(bit % 8));
        for (; k < end; k++, words = shiftRight(words, bits)) {
          const Vector level = multiplyAdd(maskedNumbers(words, mask), step, lowest);
          Lanes(kWidth).store(panel + k * width + lane, multiply(level, factor));
        }
      }
    }
  }
};

}  // namespace
}  // namespace lowbit
