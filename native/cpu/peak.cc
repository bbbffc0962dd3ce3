#include "peak.h"

#include <algorithm>
#include <chrono>

#include "features.h"
#include "peakRows.h"

namespace lowbit {
namespace {

using Clock = std::chrono::steady_clock;

struct Row {
  Products products;
  Needs needs;
  int64_t (*run)(int64_t rounds);
};

// The best first, as in the op table.
constexpr Row kRows[] = {
    {Products::fp32, Needs::avx512, peakReals_avx512},
    {Products::fp32, Needs::avx2, peakReals_avx2},
    {Products::int8, Needs::avx512vnni, peakCodes_avx512vnni},
    {Products::int8, Needs::avxvnni, peakCodes_avxvnni},
    {Products::int8, Needs::avx2, peakCodes_avx2},
};

// A try takes about a millisecond, so that the fastest of them is one without turns of other programs.
constexpr int64_t kRounds = 300'000;
constexpr int kTries = 15;

double fastest(int64_t (*run)(int64_t rounds)) {
  double best = 0;
  for (int i = 0; i < kTries; i++) {
    const auto start = Clock::now();
    const int64_t products = run(kRounds);
    const std::chrono::duration<double, std::nano> time = Clock::now() - start;
    best = std::max(best, 2.0 * static_cast<double>(products) / time.count());
  }
  return best;
}

}  // namespace

double peak(Products products) {
  for (const Row& row : kRows)
    if (row.products == products && cpuHas(row.needs)) return fastest(row.run);
  return 0;
}

}  // namespace lowbit
