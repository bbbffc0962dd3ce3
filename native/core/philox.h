// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// Four words are a function of a key and a counter, so any thread finds the numbers of its own elements. lib/random.ts gives the same.
// Plain data: safe to include from files compiled for one instruction set.
#pragma once
#include "view.h"

namespace lowbit {

struct Philox {
  uint32_t word[4];
};

INLINE constexpr Philox philox(uint32_t key0, uint32_t key1, Philox counter) {
  for (int round = 0; round < 10; round++) {
    const uint32_t* c = counter.word;
    const uint64_t a = uint64_t{0xD2511F53} * c[0], b = uint64_t{0xCD9E8D57} * c[2];
    counter = {{static_cast<uint32_t>(b >> 32) ^ c[1] ^ key0, static_cast<uint32_t>(b), static_cast<uint32_t>(a >> 32) ^ c[3] ^ key1,
                static_cast<uint32_t>(a)}};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

// Block `index` of a stream of a seed; number i of a stream is word i % 4 of block i / 4.
INLINE constexpr Philox philoxBlock(uint64_t seed, uint64_t stream, uint64_t index) {
  return philox(static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
                {{static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), static_cast<uint32_t>(stream),
                  static_cast<uint32_t>(stream >> 32)}});
}

// [0, 1) in steps of 2^-24, exact in float32.
INLINE constexpr float uniformOf(uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

}  // namespace lowbit
