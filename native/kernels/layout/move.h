// Moving elements without computing: y is dense, x is read by strides of elements. Elements of any type are moved as bits.
#pragma once
#include "../../core/strided.h"
#include "../../core/types.h"

namespace lowbit {

// y[i, j, ...] = x[start + Σ index·stride]
void move(const View& x, int64_t start, const Strided<1>& plan, const View& y);

// y = x in another shape
void copy(const View& x, const View& y);

// y[i] = bits for all i, bits being one element in its low bytes
void fill(const View& y, uint64_t bits);

}  // namespace lowbit
