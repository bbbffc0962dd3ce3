// Where weights (outputs, row) come from on their way into a panel [run][group of kGroup][channel][kGroup]: as they lie, or packed codes
// that are decoded on the way.
#pragma once
#include "../../core/levels.h"
#include "../../core/unroll.h"

namespace lowbit {
namespace {

// `channels` of a panel, of which the first `known` exist; a row of weights is runs·length.
struct PanelShape {
  int64_t channels, known, runs, length;
};

struct Int8Weights {
  const int8_t* weights;
  int64_t row;

  INLINE Int8Weights from(int64_t output) const { return {weights + output * row, row}; }
  INLINE int8_t at(int64_t output, int64_t i) const { return weights[output * row + i]; }

  template <class V> void pack(typename V::Weight* to, const PanelShape& p) const {
    const int64_t groups = ceilDiv(p.length, V::kGroup);
    constexpr int64_t kBlock = 64 / V::kGroup;  // a cache line of each channel at a time
    for (int64_t run = 0; run < p.runs; run++, to += groups * p.channels * V::kGroup)
      for (int64_t block = 0; block < groups; block += kBlock)
        for (int64_t c = 0; c < p.channels; c++) {
          const int8_t* own = c < p.known ? weights + (c * p.runs + run) * p.length : nullptr;
          packGroups<V>(to + c * V::kGroup, p, own, block, smaller(block + kBlock, groups));
        }
  }

 private:
  // Groups [begin, end) of one channel's run; without one: zeros.
  template <class V> static void packGroups(typename V::Weight* to, const PanelShape& p, const int8_t* own, int64_t begin, int64_t end) {
    const int64_t stride = p.channels * V::kGroup, whole = own ? p.length / V::kGroup : 0;
    int64_t g = begin;
    for (; g < smaller(end, whole); g++)
      for (int i = 0; i < V::kGroup; i++) to[g * stride + i] = own[g * V::kGroup + i];
    for (; g < end; g++)
      for (int i = 0; i < V::kGroup; i++) to[g * stride + i] = own && g * V::kGroup + i < p.length ? own[g * V::kGroup + i] : 0;
  }
};

// Four codes in the low bits of every 32-bit lane become four levels:
//
//   dcba  ->  dc..ba  ->  d.c.b.a  ->  a table of 16 bytes
template <class V> struct Decoder {
  typename V::Int quads, pairs, singles, table;
  int bits;

  explicit Decoder(const Levels& levels) : bits(levels.bits) {
    quads = V::repeat((1 << 4 * bits) - 1);
    pairs = V::repeat(((1 << 2 * bits) - 1) * 0x00010001);
    singles = V::repeat(((1 << bits) - 1) * 0x01010101);
    int8_t all[16] = {};
    for (int code = 0; code < 1 << bits; code++) all[code] = levels.level(code);
    table = V::repeatTable(all);
  }
  INLINE typename V::Int operator()(typename V::Int codes) const {
    codes = V::both(codes, quads);
    codes = V::both(V::either(codes, V::shiftLeft(codes, 16 - 2 * bits)), pairs);
    codes = V::both(V::either(codes, V::shiftLeft(codes, 8 - bits)), singles);
    return V::lookup(table, codes);
  }
};

struct PackedWeights {
  const uint8_t* codes;
  int64_t rowBytes;
  Levels levels;

  INLINE PackedWeights from(int64_t output) const { return {codes + output * rowBytes, rowBytes, levels}; }
  INLINE int8_t at(int64_t output, int64_t i) const { return levels.level(levels.codeAt(codes + output * rowBytes, i)); }

  // A lane is a channel; 32 bits of its row are one or more groups.
  template <class V> void pack(int8_t* to, const PanelShape& p) const {
    static_assert(V::kGroup == 4);
    const Decoder<V> decode(levels);
    const int64_t groups = ceilDiv(p.length, 4);
    const auto tail = V::repeat(p.length % 4 ? (1 << 8 * (p.length % 4)) - 1 : -1);
    for (int64_t lane = 0; lane < p.channels; lane += V::kLanes) {
      const LaneRows<V::kLanes> rows(codes + lane * rowBytes, rowBytes, p.known - lane);
      int8_t* at = to + lane * 4;
      for (int64_t run = 0; run < p.runs; run++)
        for (int64_t g = 0; g < groups;) {
          const int64_t bit = (run * p.length + 4 * g) * levels.bits;
          const int shift = static_cast<int>(bit % 8);
          auto words = V::shiftRight(V::words(rows, bit / 8), shift);
          const int64_t end = smaller(groups, g + (32 - shift) / (4 * levels.bits));
          for (; g < end; g++, at += 4 * p.channels, words = V::shiftRight(words, 4 * levels.bits)) {
            const auto weights = decode(words);
            V::storeInts(reinterpret_cast<int32_t*>(at), g < groups - 1 ? weights : V::both(weights, tail));
          }
        }
    }
  }
};

}  // namespace
}  // namespace lowbit
