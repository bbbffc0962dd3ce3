// Few rows by packed weights, decoded beside the multiplication instead of into panels: with a row or two of a, reading weights is most of
// the work. Codes of 1, 2 or 4 bits; a byte holds 8 / BITS of them.
//
//   Σ (a - z)·level = step·(Σ a·code - z·Σ code) + lowest·(Σ a - z·k)        level = step·code + lowest
//
// The codes that lie at one place of their bytes are a plane: a register of packed bytes, shifted and masked, meets the codes of a that
// belong to that plane, 8 / BITS apart in a. So a is first laid out as [row][block of kBytes][plane][kBytes], zeros at the end. Σ code is
// the product with one more row, of ones. Four rows at a time share a decoded register.
#pragma once
#include <string.h>

#include "../../core/check.h"
#include "../../cpu/int8/panels.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

constexpr int64_t kFewRows = 12;
constexpr int64_t kFewRowsGrain = 1 << 19;  // products worth a thread

template <class V> struct FewRows {
  static constexpr int64_t kBytes = 4 * V::kLanes;
  static constexpr int kAtOnce = 4;
  const qgemm_call& c;
  const PackedWeights& w;
  int64_t k, rows, blocks;
  uint8_t flip;
  int32_t zeroPoint;
  bool sumsCodes;             // Σ code counts where there is a zero point
  uint8_t* planes;            // [planeRows][blocks][8 / bits][kBytes]
  uint32_t totals[kFewRows];  // Σ a - z·k

  FewRows(const qgemm_call& call, const PackedWeights& weights)
      : c(call),
        w(weights),
        k(c.b.shape[1]),
        rows(c.y.count(0, c.y.rank - 1)),
        blocks(ceilDiv(w.rowBytes, kBytes)),
        flip(flipOf(c.a)),
        zeroPoint(static_cast<int32_t>(c.aZero.integer()) + flip),
        sumsCodes(zeroPoint != 0) {}

  int64_t planeRows() const { return rows + sumsCodes; }
  int64_t rowBytes() const { return blocks * kBytes * 8 / w.levels.bits; }

  // Row r of the planes; `from` nullptr: ones.
  void layOut(int64_t r, const uint8_t* from) {
    const int64_t count = 8 / w.levels.bits;
    uint8_t* to = planes + r * rowBytes();
    memset(to, 0, static_cast<size_t>(rowBytes()));
    for (int64_t i = 0; i < k; i++) {
      const int64_t byte = i / count, plane = i % count;
      to[(byte / kBytes * count + plane) * kBytes + byte % kBytes] = from ? from[i] ^ flip : 1;
    }
  }

  // sums[r][lane] = Σ a·code for ROWS rows of planes and the kLanes outputs whose rows of codes are given.
  template <int BITS, int ROWS> void dots(const uint8_t* const* codes, const uint8_t* a, int32_t* sums) const {
    using Int = typename V::Int;
    constexpr int kPlanes = 8 / BITS, kOutputs = ROWS == 1 && V::kLanes == 16 ? 8 : ROWS <= 2 ? 4 : 2;
    const Int mask = V::repeat(((1 << BITS) - 1) * 0x01010101);
    const int64_t step = rowBytes();
    for (int lane = 0; lane < V::kLanes; lane += kOutputs) {
      Int sum[kOutputs * ROWS];
      each<kOutputs * ROWS>([&](auto i) { sum[i] = V::zero(); });
      for (int64_t block = 0; block < blocks; block++) {
        const uint8_t* x = a + block * kPlanes * kBytes;
        Int packed[kOutputs];
        each<kOutputs>([&](auto o) { packed[o] = V::load(codes[lane + o] + block * kBytes); });
        each<kPlanes>([&](auto plane) {
          Int own[ROWS];
          each<ROWS>([&](auto r) { own[r] = V::load(x + r * step + plane * kBytes); });
          each<kOutputs>([&](auto o) {
            const Int code = V::both(V::shiftRight(packed[o], plane * BITS), mask);
            each<ROWS>([&](auto r) { sum[o * ROWS + r] = V::dot(sum[o * ROWS + r], own[r], code); });
          });
        });
      }
      each<kOutputs>([&](auto o) { each<ROWS>([&](auto r) { sums[r * V::kLanes + lane + o] = V::total(sum[o * ROWS + r]); }); });
    }
  }

  template <int BITS> void outputs(int64_t first, const Output& out) const {
    const int64_t n = c.b.shape[0], known = smaller(V::kLanes, n - first);
    const uint8_t* codes[V::kLanes];
    for (int64_t o = 0; o < V::kLanes; o++) codes[o] = w.codes + (first + smaller(o, known - 1)) * w.rowBytes;
    int32_t sums[(kFewRows + 1) * V::kLanes];
    for (int64_t r = 0; r < planeRows(); r += kAtOnce) {
      const uint8_t* a = planes + r * rowBytes();
      int32_t* to = sums + r * V::kLanes;
      switch (smaller(kAtOnce, planeRows() - r)) {
        case 1: dots<BITS, 1>(codes, a, to); break;
        case 2: dots<BITS, 2>(codes, a, to); break;
        case 3: dots<BITS, 3>(codes, a, to); break;
        default: dots<BITS, 4>(codes, a, to);
      }
    }
    for (int64_t r = 0; r < rows; r++) finish(r, first, known, sums, out);
  }

  void finish(int64_t r, int64_t first, int64_t known, const int32_t* sums, const Output& out) const {
    const uint32_t step = static_cast<uint32_t>(w.levels.step), lowest = static_cast<uint32_t>(w.levels.lowest);
    int32_t results[V::kLanes] = {};
    float scale[V::kLanes] = {};
    for (int64_t o = 0; o < known; o++) {
      const uint32_t codes = sumsCodes ? static_cast<uint32_t>(sums[rows * V::kLanes + o]) : 0;
      const uint32_t products = static_cast<uint32_t>(sums[r * V::kLanes + o]) - static_cast<uint32_t>(zeroPoint) * codes;
      results[o] = static_cast<int32_t>(step * products + lowest * totals[r] + static_cast<uint32_t>(c.bias.as<int32_t>()[first + o]));
      scale[o] = c.scale.as<float>()[first + o];
    }
    const auto y = V::scaled(V::load(results), V::loadFloats(scale));
    const int64_t at = r * c.b.shape[0] + first;
    if (out.real) return V::storeFloats(static_cast<float*>(out.y) + at, y, known);
    V::storeCodes(static_cast<uint8_t*>(out.y) + at, V::requantize(y, V::repeat(out.low), V::repeat(out.high), V::repeat(out.zeroPoint)),
                  known);
  }

  void block(int64_t first, const Output& out) const {
    if (w.levels.bits == 1) outputs<1>(first, out);
    else if (w.levels.bits == 2) outputs<2>(first, out);
    else outputs<4>(first, out);
  }
};

// Declines more rows, and codes of 3 bits, which run on across bytes.
template <class V> bool fewRows(const qgemm_call& c, const PackedWeights& w) {
  FewRows<V> work(c, w);
  const int64_t n = c.b.shape[0];
  EXPECT(c.a.dim(-1) == work.k && c.y.dim(-1) == n && c.bias.size() == n && c.scale.size() == n);
  if (!work.rows || !n || work.rows > kFewRows || w.levels.bits == 3) return false;
  char* scratch = allocateScratch(work.planeRows() * work.rowBytes());
  if (!scratch) return false;
  work.planes = reinterpret_cast<uint8_t*>(scratch);
  for (int64_t r = 0; r < work.rows; r++) {
    const uint8_t* a = c.a.as<uint8_t>() + r * work.k;
    work.layOut(r, a);
    uint32_t total = 0;
    for (int64_t i = 0; i < work.k; i++) total += a[i] ^ work.flip;
    work.totals[r] = total - static_cast<uint32_t>(work.zeroPoint) * static_cast<uint32_t>(work.k);
  }
  if (work.sumsCodes) work.layOut(work.rows, nullptr);
  const Output out(c.y, c.yZero, c.qmin, c.qmax);
  parallel(ceilDiv(n, V::kLanes), 1 + kFewRowsGrain / (V::kLanes * work.rows * (work.k + 1)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) work.block(i * V::kLanes, out);
  });
  free(scratch);
  return true;
}

}  // namespace
}  // namespace lowbit
