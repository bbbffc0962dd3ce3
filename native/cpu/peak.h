// What one core multiplies at most, measured: the ceiling that times of layers are compared with.
#pragma once

namespace lowbit {

enum class Products { fp32, int8 };

// Operations a nanosecond, two to a multiply-accumulate, with the newest instructions that kernels may use; 0 where those are plain
// references. Takes about 15 ms.
double peak(Products products);

}  // namespace lowbit
