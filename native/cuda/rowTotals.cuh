// Sums of rows of codes, for the terms of zero points where products do not see what they multiply.
#pragma once
#include <optional>

#include "codes.cuh"

namespace lowbit {
namespace {

// Of both operands of a product; nullptr where the other one's zero point is 0.
struct RowTotals {
  const int *left, *right;

  static DEVICE int of(const int* totals, int64_t i, int64_t count) { return totals && i < count ? totals[i] : 0; }
};

// totals[i] = Σ row i, a warp a row. Rows are made of chunks.
template <class Add> __global__ void addUpRows(const uint4* __restrict__ data, int64_t rows, int64_t chunks, int* __restrict__ totals) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int64_t row = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) / 32;
  if (row >= rows) return;
  int sum = 0;
  for (int64_t i = lane; i < chunks; i += 32) sum = eachWord(data[row * chunks + i], sum, Add());
  sum = warpSum(sum);
  if (lane == 0) totals[row] = sum;
}

template <class Products> struct LeftWords {
  DEVICE int operator()(uint32_t word, int sum) const { return Products::addLeft(word, sum); }
};
template <class Products> struct RightWords {
  DEVICE int operator()(uint32_t word, int sum) const { return Products::addRight(word, sum); }
};

// Sums of rows for one call, made where zero points ask for them.
class Totals {
 public:
  template <class Add> void make(const void* data, int64_t rows, int64_t depth) {
    constexpr int threads = 256;
    sums_.emplace(static_cast<size_t>(rows) * sizeof(int));
    const Launch launch{dim3(static_cast<unsigned>(ceilDiv(rows * 32, threads))), dim3(threads)};
    run(addUpRows<Add>, launch, static_cast<const uint4*>(data), rows, depth / 16, sums_->as<int>());
  }
  const int* get() const { return sums_ ? sums_->as<int>() : nullptr; }

 private:
  std::optional<CardScratch> sums_;
};

}  // namespace
}  // namespace lowbit
