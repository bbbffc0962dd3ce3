// The order of sums along a line: element i goes to partial sum i % 16, and in the end partial sums 8, 4, 2 and 1 apart are added. Vectors
// can follow it, and it is the same for any number of lanes. Plain data: safe to include from files compiled for one instruction set.
#pragma once
#include "view.h"

namespace lowbit {
namespace {

constexpr int kInterleaved = 16;

// Adds up the partial sums, which it overwrites.
INLINE double foldInterleaved(double (&part)[kInterleaved]) {
  for (int half = kInterleaved / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) part[i] += part[i + half];
  return part[0];
}

struct InterleavedSum {
  double part[kInterleaved] = {};

  INLINE void add(int64_t i, double value) { part[i % kInterleaved] += value; }
  INLINE void addProduct(int64_t i, double a, double b) { part[i % kInterleaved] = __builtin_fma(a, b, part[i % kInterleaved]); }
  INLINE double total() { return foldInterleaved(part); }
};

}  // namespace
}  // namespace lowbit
