// Products of signs on tensor cores, in the tiles of cuda/products.cuh: acc = products - 2·(pa + pb - 2·and), pa and pb being the numbers
// of ones in the rows and `and` those that meet. Rows are words of 64 signs, those of windows a few for each tap; bits after the last sign
// of a tap are zeros before they meet anything.
#include "../../cuda/windows.cuh"
#include "output.h"
#include "signs.h"

namespace lowbit {
namespace {

struct SignProducts {
  static DEVICE void multiply(int (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) { multiplyBits(sum, a, b0, b1); }
  static DEVICE int addLeft(uint32_t word, int sum) { return sum + __popc(word); }
  static DEVICE int addRight(uint32_t word, int sum) { return sum + __popc(word); }
};

// The words of an operand whose taps have `signs` signs in `words` words; rows that are not windows are one tap.
constexpr int kOneTap = INT32_MAX;
template <class Operand> struct MaskedSigns {
  static constexpr bool inMemory = false;
  using Row = typename Operand::Row;
  Operand bits;
  int signs, words;

  DEVICE MaskedSigns of(int64_t) const { return *this; }
  DEVICE Row row(int64_t i) const { return bits.row(i); }
  DEVICE uint4 chunk(Row row, int k) const {
    uint4 all = bits.chunk(row, k);
    const uint64_t first = mask(k / 8), second = mask(k / 8 + 1);
    all.x &= static_cast<uint32_t>(first);
    all.y &= static_cast<uint32_t>(first >> 32);
    all.z &= static_cast<uint32_t>(second);
    all.w &= static_cast<uint32_t>(second >> 32);
    return all;
  }

 private:
  DEVICE uint64_t mask(int word) const {
    const int left = signs - word % words * 64;
    return left > 0 ? firstBits(left) : 0;
  }
};

// Packed weights, taps one right after the other, each as words of its own.
struct TapSigns {
  static constexpr bool inMemory = false;
  struct Row {
    const uint64_t* data;  // nullptr beyond the last row
  };
  const uint64_t* data;
  int64_t rows, pitch;  // pitch: words from row to row
  int taps, signs, words;

  DEVICE TapSigns of(int64_t) const { return *this; }
  DEVICE Row row(int64_t i) const { return {i < rows ? data + i * pitch : nullptr}; }
  DEVICE uint4 chunk(Row row, int k) const {
    const uint64_t first = word(row.data, k / 8), second = word(row.data, k / 8 + 1);
    return make_uint4(static_cast<uint32_t>(first), static_cast<uint32_t>(first >> 32), static_cast<uint32_t>(second),
                      static_cast<uint32_t>(second >> 32));
  }
  DEVICE uint64_t word(const uint64_t* row, int i) const {
    const int tap = i / words, from = i % words * 64;
    if (!row || tap >= taps) return 0;
    return SomeSigns(int64_t{tap} * signs + from, smaller(64, signs - from)).of(row);
  }
  // Σ ±1 over a tap
  DEVICE int sum(int64_t o, int tap) const {
    int ones = 0;
    for (int i = 0; i < words; i++) ones += __popcll(word(row(o).data, tap * words + i));
    return 2 * ones - signs;
  }
};

__global__ void sumTaps(const TapSigns weights, int* __restrict__ sums) {
  FOR_EACH(i, weights.taps * weights.rows) sums[i] = weights.sum(i % weights.rows, static_cast<int>(i / weights.rows));
}

// Of padding with 0, which the rows read as -1: what the taps outside the image have taken from the sum of output c.
struct Border {
  const int* tapSums;  // (tap, output); nullptr without such padding
  Windows windows;

  DEVICE int missing(int64_t row, int64_t c, int64_t outputs) const {
    const int pixel = static_cast<int>(row), line = windows.byColumns.quotient(pixel), image = windows.byRows.quotient(line);
    const int top = windows.top(line - image * windows.rows), left = windows.left(pixel - line * windows.columns);
    const int bottom = top + (windows.kernel[0] - 1) * windows.dilations[0], right = left + (windows.kernel[1] - 1) * windows.dilations[1];
    if (top >= 0 && left >= 0 && bottom < windows.height && right < windows.width) return 0;
    int sum = 0;
    for (int tap = 0; tap < windows.taps(); tap++)
      if (windows.pixel(top, left, tap / windows.kernel[1], tap % windows.kernel[1]) < 0) sum += tapSums[tap * outputs + c];
    return sum;
  }
};
struct NoBorder {
  DEVICE int missing(int64_t, int64_t, int64_t) const { return 0; }
};

// y = out(fma(f32(acc), scale[c], bias[c]))
struct SignFinish {
  SignOutput out;
  Requantize requantize;
  int64_t rows, columns;
  const float *scale, *bias;

  template <class C>
  SignFinish(const C& c, int64_t rowCount, int64_t columnCount)
      : out(c),
        requantize(c.yZero, c.qmin, c.qmax),
        rows(rowCount),
        columns(columnCount),
        scale(c.scale.template as<float>()),
        bias(c.bias.template as<float>()) {}
  DEVICE float real(int64_t c, int acc) const { return __fmaf_rn(static_cast<float>(acc), scale[c], bias[c]); }
  DEVICE unsigned byte(float v) const {
    return out.form == Form::signs ? static_cast<unsigned>(v >= 0) : static_cast<uint8_t>(requantize(v));
  }
};

template <class Edge> struct SignSums {
  struct Column {
    int start;  // products - 2·pb
  };
  SignFinish finish;
  int products;
  Edge border;

  DEVICE const SignSums& of(int64_t) const { return *this; }
  DEVICE bool needsLeftTotals() const { return true; }
  DEVICE bool needsRightTotals() const { return true; }
  DEVICE bool inBytes() const { return finish.out.form != Form::float32; }
  DEVICE Column column(int64_t, int total) const { return {products - 2 * total}; }
  DEVICE bool has(int64_t row, int64_t c) const { return row < finish.rows && c < finish.columns; }
  DEVICE float real(int64_t row, int64_t c, Column column, int sum, int total) const {
    return finish.real(c, column.start - 2 * total + 4 * sum + border.missing(row, c, finish.columns));
  }
  DEVICE unsigned byte(int64_t row, int64_t c, Column column, int sum, int total) const {
    return has(row, c) ? finish.byte(real(row, c, column, sum, total)) : 0;
  }
  DEVICE void put(int64_t row, int64_t c, Column column, int sum, int total) const {
    if (has(row, c)) *reinterpret_cast<float*>(finish.out.at(row, c)) = real(row, c, column, sum, total);
  }
  DEVICE void putBytes(int64_t row, int64_t c, const unsigned char* bytes) const {
    if (row >= finish.rows) return;
    char* y = finish.out.at(row, c);
    if (finish.out.form == Form::signs) {
      if (c / 8 >= finish.out.pixelBytes) return;
      unsigned bits = 0;
#pragma unroll
      for (int i = 0; i < 16; i++) bits |= static_cast<unsigned>(bytes[i]) << i;
      *reinterpret_cast<uint16_t*>(y) = static_cast<uint16_t>(bits);
    } else {
      for (int i = 0; i < 16 && c + i < finish.columns; i++) y[i] = static_cast<char>(bytes[i]);
    }
  }
};

// Groups begin anywhere in a word: a thread has eight outputs of a pixel, tap by tap.
__global__ void convolveGroups(const uint64_t* __restrict__ x, const Windows windows, const TapSigns weights, int pixelWords,
                               int groupOutputs, int padValue, const SignFinish finish, int64_t eights) {
  FOR_EACH(i, finish.rows * eights) {
    const int64_t row = i / eights, first = i % eights * 8;
    const int pixel = static_cast<int>(row), line = windows.byColumns.quotient(pixel), image = windows.byRows.quotient(line);
    const int top = windows.top(line - image * windows.rows), left = windows.left(pixel - line * windows.columns);
    unsigned bits = 0;
    for (int64_t o = first; o < smaller(first + 8, finish.columns); o++) {
      int acc = 0;
      for (int tap = 0; tap < weights.taps; tap++) {
        const int at = windows.pixel(top, left, tap / windows.kernel[1], tap % windows.kernel[1]);
        if (at < 0) {
          if (padValue) acc += padValue * weights.sum(o, tap);
          continue;
        }
        const uint64_t* signs = x + (int64_t{image} * windows.height * windows.width + at) * pixelWords;
        acc += weights.signs;
        for (int word = 0; word < weights.words; word++) {
          const SomeSigns mine(o / groupOutputs * weights.signs + word * 64, smaller(64, weights.signs - word * 64));
          acc -= 2 * __popcll(mine.of(signs) ^ weights.word(weights.row(o).data, tap * weights.words + word));
        }
      }
      const float v = finish.real(o, acc);
      if (finish.out.form == Form::float32) *reinterpret_cast<float*>(finish.out.at(row, o)) = v;
      else if (finish.out.form == Form::signs) bits |= finish.byte(v) << o % 8;
      else *finish.out.at(row, o) = static_cast<char>(finish.byte(v));
    }
    if (finish.out.form == Form::signs) *finish.out.at(row, first) = static_cast<char>(bits);
  }
}

template <class... Views> bool inWords(const Views&... views) { return ((reinterpret_cast<uintptr_t>(views.data) % 8 == 0) && ...); }

template <class Edge> void convolve(const binaryConv2d_call& c, const Windows& windows, const TapSigns& weights, const Edge& border) {
  const int64_t pixels = c.y.count(0, 3), outputs = c.w.shape[0], depth = int64_t{windows.taps()} * windows.depth;
  const SignSums<Edge> output{SignFinish(c, pixels, outputs), weights.taps * weights.signs, border};
  const uint8_t *x = c.x.as<uint8_t>(), *w = c.w.as<uint8_t>();
  const uint32_t padding = c.padValue.integer() == 1 ? ~0u : 0;
  if (weights.signs % 128 == 0 && pieceOf(x, windows.depth) == 16 && pieceOf(w, depth) == 16) {
    multiplyInTiles<SignProducts>(WindowRows<16>{x, pixels, windows, padding}, MatrixRows<16>{w, outputs, static_cast<int>(depth)}, output,
                                  pixels, outputs, depth, 1);
  } else {
    const MaskedSigns<WindowRows<4>> left{{x, pixels, windows, padding}, weights.signs, weights.words};
    multiplyInTiles<SignProducts>(left, weights, output, pixels, outputs, depth, 1);
  }
}

}  // namespace

// acc = Σ_k a[.., k]·b[o, k]
bool binaryGemm_cuda(const binaryGemm_call& c) {
  expectProduct(c);
  if (!inWords(c.a, c.b, c.y)) return false;
  if (!c.y.size()) return true;
  const int columns = static_cast<int>(c.columns.integer()), bytes = static_cast<int>(c.b.shape[1]);
  const int64_t m = c.a.count(0, c.a.rank - 1), n = c.b.shape[0];
  const SignSums<NoBorder> output{SignFinish(c, m, n), columns, {}};
  const auto multiply = [&](const auto& a, const auto& b) { multiplyInTiles<SignProducts>(a, b, output, m, n, bytes, 1); };
  const uint8_t *a = c.a.as<uint8_t>(), *b = c.b.as<uint8_t>();
  if (columns % 128 == 0 && pieceOf(a, bytes) == 16 && pieceOf(b, bytes) == 16) {
    multiply(MatrixRows<16>{a, m, bytes}, MatrixRows<16>{b, n, bytes});
  } else {
    using Masked = MaskedSigns<MatrixRows<4>>;
    multiply(Masked{{a, m, bytes}, columns, kOneTap}, Masked{{b, n, bytes}, columns, kOneTap});
  }
  return true;
}

// acc = Σ x·w over the taps and channels of a window; outside the image x is padValue.
bool binaryConv2d_cuda(const binaryConv2d_call& c) {
  expectProduct(c);
  const int64_t pixels = c.y.count(0, 3), outputs = c.w.shape[0], groups = c.groups.integer(), signs = c.channels.integer() / groups;
  if (!inWords(c.x, c.w, c.y) || c.x.count(1, 4) > INT32_MAX || pixels > INT32_MAX) return false;
  if (!c.y.size()) return true;
  const int words = static_cast<int>(signWords(signs)), taps = static_cast<int>(c.kernel[0] * c.kernel[1]);
  const TapSigns weights{c.w.as<uint64_t>(), outputs, c.w.shape[1] / 8, taps, static_cast<int>(signs), words};
  const Windows windows(c, c.kernel[0], c.kernel[1], c.x.shape[3]);
  const int padValue = static_cast<int>(c.padValue.integer());
  if (groups > 1) {
    const SignFinish finish(c, pixels, outputs);
    const int64_t eights = finish.out.form == Form::signs ? finish.out.pixelBytes : ceilDiv(outputs, 8);
    run(convolveGroups, launchOver(pixels * eights), c.x.as<uint64_t>(), windows, weights, c.x.shape[3] / 8, outputs / groups, padValue,
        finish, eights);
  } else if (padValue == 0 && (c.pads[0] | c.pads[1] | c.pads[2] | c.pads[3])) {
    const CardScratch sums(static_cast<size_t>(taps * outputs) * sizeof(int));
    run(sumTaps, launchOver(taps * outputs), weights, sums.as<int>());
    convolve(c, windows, weights, Border{sums.as<int>(), windows});
  } else {
    convolve(c, windows, weights, NoBorder{});
  }
  return true;
}

}  // namespace lowbit
