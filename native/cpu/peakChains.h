// Independent chains of multiply-adds on registers: nothing is read from memory, and a product never waits for the one before.
// Files compiled for one instruction set include this.
#pragma once
#include <stdint.h>

#include "../core/unroll.h"

namespace lowbit {
namespace {

// `step` adds the products of a and b to a sum. Returns how many steps were made.
template <int CHAINS, class V, class Step> INLINE int64_t chains(int64_t rounds, V a, V b, Step step) {
  V sums[CHAINS];
  each<CHAINS>([&](auto i) { sums[i] = a; });
  for (int64_t round = 0; round < rounds; round++) {
    each<CHAINS>([&](auto i) {
      sums[i] = step(sums[i], a, b);
      asm volatile("" : "+x"(a));  // the next product is another one, for all that the compiler knows
    });
  }
  each<CHAINS>([&](auto i) { asm volatile("" ::"x"(sums[i])); });
  return CHAINS * rounds;
}

}  // namespace
}  // namespace lowbit
