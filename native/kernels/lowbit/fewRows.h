// Few rows by packed weights, decoded beside the multiplication instead of into panels: with a row or two of a, reading weights is most of
// the work. Codes of 1, 2 or 4 bits; a byte holds 8 / BITS of them.
//
//   Σ (a - z)·level = step·Σ a·code + lowest·Σ a - z·(step·Σ code + lowest·k)        level = step·code + lowest
//
// Codes of a are signed here: uint8 codes and their zero point are moved down by 128. The last term and the bias are what the sum of an
// output starts from; with the scales they are kept.
//
// The codes that lie at one place of their bytes are a plane: it meets the codes of a that belong to it, 8 / BITS apart in a. So a is
// first laid out as [row][block of kBytes][plane][kBytes], zeros at the end. Planes of the upper four bits are shifted down, all are
// masked and left where they are: those at bit p are summed for themselves, 2^p times too large. Few instructions go with a product that
// way, and no sum waits for the one before it. Rows at a time share a decoded register.
#pragma once
#include "../../core/check.h"
#include "../../cpu/int8/panels.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

constexpr int64_t kFewRows = 12, kFewKeptRows = 3;  // panels that are packed once are faster from there on
constexpr int64_t kFewRowsGrain = 1 << 19;          // products worth a thread
constexpr int64_t kLongestRow = 1 << 20;            // 2^p · Σ a·code fits int32: 128 · 15 · 2^20 < 2^31

template <class V, int BITS> struct FewRows {
  using Int = typename V::Int;
  static constexpr int64_t kBytes = 4 * V::kLanes;
  static constexpr int kPlanes = 8 / BITS;
  static constexpr int kSums = BITS == 1 ? 4 : 2;  // plane i goes to sum i % kSums
  static constexpr int kRegisters = V::kLanes;     // for sums: 16 of 32, or 8 of 16
  static constexpr int kAtOnce = kRegisters / kSums < 4 ? kRegisters / kSums : 4;
  const qgemm_call& c;
  const PackedWeights& w;
  int64_t k, n, rows, blocks;
  uint8_t flip;  // what makes stored codes of a signed
  int32_t zeroPoint;
  int8_t* planes;  // [rows + 1][blocks][kPlanes][kBytes], the last row of ones
  int32_t* starts;
  float* scales;
  int32_t lows[kFewRows];  // lowest·Σ a

  FewRows(const qgemm_call& call, const PackedWeights& weights)
      : c(call),
        w(weights),
        k(c.b.shape[1]),
        n(c.b.shape[0]),
        rows(c.y.count(0, c.y.rank - 1)),
        blocks(ceilDiv(w.rowBytes, kBytes)),
        flip(flipOf(c.a) ^ 128),
        zeroPoint(static_cast<int32_t>(c.aZero.integer()) - flip) {}

  int64_t rowBytes() const { return blocks * kBytes * kPlanes; }
  int64_t padded() const { return ceilDiv(n, V::kLanes) * V::kLanes; }
  int64_t keptBytes() const { return padded() * 8; }

  void place(char* scratch, char* kept) {
    planes = reinterpret_cast<int8_t*>(scratch);
    starts = reinterpret_cast<int32_t*>(kept);
    scales = reinterpret_cast<float*>(starts + padded());
  }

  // code(i) of row r, for i < k.
  template <class F> void layOut(int64_t r, F&& code) {
    int8_t* to = planes + r * rowBytes();
    const int64_t whole = k / (kPlanes * kBytes);
    for (int64_t block = 0; block < blocks; block++)
      for (int64_t plane = 0; plane < kPlanes; plane++, to += kBytes) {
        const int64_t first = block * kBytes * kPlanes + plane;
        if (block < whole)
          for (int64_t i = 0; i < kBytes; i++) to[i] = code(first + i * kPlanes);
        else
          for (int64_t i = 0; i < kBytes; i++) to[i] = first + i * kPlanes < k ? code(first + i * kPlanes) : 0;
      }
  }

  void layOutAll() {
    for (int64_t r = 0; r < rows; r++) {
      const uint8_t *a = c.a.as<uint8_t>() + r * k, move = flip;
      layOut(r, [a, move](int64_t i) { return static_cast<int8_t>(a[i] ^ move); });
      int32_t total = 0;
      for (int64_t i = 0; i < k; i++) total += static_cast<int8_t>(a[i] ^ move);
      lows[r] = w.levels.lowest * total;
    }
    layOut(rows, [](int64_t) { return int8_t{1}; });
  }

  // sums[r][lane] = Σ a·code for ROWS rows of planes and the kLanes outputs whose rows of codes are given.
  template <int ROWS> void dots(const uint8_t* const* codes, const int8_t* a, int32_t* sums) const {
    constexpr int kFit = kRegisters / (kSums * ROWS), kOutputs = kFit >= 8 ? 8 : kFit >= 4 ? 4 : kFit >= 2 ? 2 : 1;
    constexpr int kHalf = kPlanes / 2;  // planes of four bits
    const int64_t step = rowBytes();
    for (int lane = 0; lane < V::kLanes; lane += kOutputs) {
      Int sum[kOutputs * ROWS * kSums];
      each<kOutputs * ROWS * kSums>([&](auto i) { sum[i] = V::zero(); });
      for (int64_t block = 0; block < blocks; block++) {
        const int8_t* x = a + block * kPlanes * kBytes;
        Int packed[kOutputs];
        each<kOutputs>([&](auto o) { packed[o] = V::load(codes[lane + o] + block * kBytes); });
        each<kPlanes>([&](auto plane) {
          constexpr int kPlace = plane % kHalf * BITS;
          const Int mask = V::repeat((((1 << BITS) - 1) << kPlace) * 0x01010101);
          if constexpr (plane == kHalf) each<kOutputs>([&](auto o) { packed[o] = V::shiftRight(packed[o], 4); });
          each<kOutputs>([&](auto o) {
            const Int code = V::both(packed[o], mask);
            each<ROWS>([&](auto r) {
              constexpr int kSum = (o * ROWS + r) * kSums + plane % kSums;
              sum[kSum] = V::dot(sum[kSum], code, V::load(x + r * step + plane * kBytes));
            });
          });
        });
      }
      each<kOutputs>([&](auto o) { each<ROWS>([&](auto r) { sums[r * V::kLanes + lane + o] = total(sum + (o * ROWS + r) * kSums); }); });
    }
  }
  // Of the sums of one output; those of higher planes are the larger ones.
  static INLINE int32_t total(const Int* sums) {
    constexpr int kTop = BITS == 4 ? 0 : (kSums - 1) * BITS;
    Int all = sums[kSums - 1];
    each<kSums - 1>([&](auto i) { all = V::add(all, V::shiftLeft(sums[i], kTop ? kTop - i * BITS : 0)); });
    return V::total(all) >> kTop;
  }

  template <int ROWS = kAtOnce> void dotsOf(int64_t some, const uint8_t* const* codes, const int8_t* a, int32_t* sums) const {
    if (some == ROWS) return dots<ROWS>(codes, a, sums);
    if constexpr (ROWS > 1) dotsOf<ROWS - 1>(some, codes, a, sums);
  }

  // The kLanes outputs from `first` on.
  void block(int64_t first, bool filled, const Output& out) const {
    const int64_t known = smaller(V::kLanes, n - first);
    const uint8_t* codes[V::kLanes];
    for (int64_t o = 0; o < V::kLanes; o++) codes[o] = w.codes + (first + smaller(o, known - 1)) * w.rowBytes;
    if (!filled) fill(first, known, codes);
    int32_t sums[kAtOnce * V::kLanes];
    for (int64_t r = 0; r < rows; r += kAtOnce) {
      const int64_t some = smaller(kAtOnce, rows - r);
      dotsOf(some, codes, planes + r * rowBytes(), sums);
      for (int64_t i = 0; i < some; i++) finish(r + i, first, known, sums + i * V::kLanes, out);
    }
  }

  void fill(int64_t first, int64_t known, const uint8_t* const* codes) const {
    int32_t sums[V::kLanes] = {};
    if (zeroPoint) dots<1>(codes, planes + rows * rowBytes(), sums);
    const uint32_t zero = static_cast<uint32_t>(zeroPoint), step = static_cast<uint32_t>(w.levels.step);
    const uint32_t lowest = static_cast<uint32_t>(w.levels.lowest) * static_cast<uint32_t>(k);
    for (int64_t o = 0; o < V::kLanes; o++) {
      const uint32_t bias = o < known ? static_cast<uint32_t>(c.bias.as<int32_t>()[first + o]) : 0;
      starts[first + o] = static_cast<int32_t>(bias - zero * (step * static_cast<uint32_t>(sums[o]) + lowest));
      scales[first + o] = o < known ? c.scale.as<float>()[first + o] : 0;
    }
  }

  void finish(int64_t r, int64_t first, int64_t known, const int32_t* sums, const Output& out) const {
    const Int products = V::shiftLeft(V::load(sums), w.levels.step - 1);
    const Int start = V::add(V::load(starts + first), V::repeat(lows[r]));
    const auto y = V::scaled(V::add(products, start), V::loadFloats(scales + first));
    const int64_t at = r * n + first;
    if (out.real) return V::storeFloats(static_cast<float*>(out.y) + at, y, known);
    V::storeCodes(static_cast<uint8_t*>(out.y) + at, V::requantize(y, V::repeat(out.low), V::repeat(out.high), V::repeat(out.zeroPoint)),
                  known);
  }
};

// What few rows keep is apart from the panels of many.
template <class V, int BITS> bool fewRowsOf(const qgemm_call& c, const PackedWeights& w) {
  FewRows<V, BITS> work(c, w);
  const int64_t planeBytes = (work.rows + 1) * work.rowBytes();
  char* scratch = allocateScratch(planeBytes + Derived::working(c.kept, work.keptBytes()));
  if (!scratch) return false;
  const Derived kept(c.kept, work.keptBytes(), scratch + planeBytes, 1);
  if (!kept.memory) {
    free(scratch);
    return false;
  }
  work.place(scratch, kept.memory);
  work.layOutAll();
  const Output out(c.y, c.yZero, c.qmin, c.qmax);
  parallel(ceilDiv(work.n, V::kLanes), 1 + kFewRowsGrain / (V::kLanes * work.rows * (work.k + 1)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) work.block(i * V::kLanes, kept.filled, out);
  });
  kept.done();
  free(scratch);
  return true;
}

// Declines more rows, very long ones, and codes of 3 bits, which run on across bytes.
template <class V> bool fewRows(const qgemm_call& c, const PackedWeights& w) {
  const int64_t k = c.b.shape[1], n = c.b.shape[0], rows = c.y.count(0, c.y.rank - 1);
  EXPECT(c.a.dim(-1) == k && c.y.dim(-1) == n && c.bias.size() == n && c.scale.size() == n);
  if (!rows || !n || rows > (c.kept ? kFewKeptRows : kFewRows) || k > kLongestRow) return false;
  switch (w.levels.bits) {
    case 1: return fewRowsOf<V, 1>(c, w);
    case 2: return fewRowsOf<V, 2>(c, w);
    case 4: return fewRowsOf<V, 4>(c, w);
    default: return false;
  }
}

}  // namespace
}  // namespace lowbit
