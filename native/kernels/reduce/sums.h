// Sums of float32 with inner loops for one instruction set. Plain C types: the files compiled for newer processors include this.
#pragma once
#include "../../core/view.h"

namespace lowbit {

// Both loops as reduce.h describes them, on doubles.
struct SumLoops {
  double (*run)(double sum, const float* p, int64_t n);
  // Up to 64 columns; there is room for 64 sums, those beyond `columns` may be overwritten.
  void (*rows)(double* sums, const float* p, int64_t n, int64_t step, int64_t columns);
};

// Along `axes`, the sum or the mean; without axes along all that broadcasting y to the shape of x repeated. False for other types.
bool sumFloats(const View& x, const View& y, const Param* axes, bool mean, const SumLoops& loops);

}  // namespace lowbit
