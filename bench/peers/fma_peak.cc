// What the multiply-add ports of this CPU can do: 24 independent chains in registers, nothing else. Prints GFLOP/s.
// usage: fma_peak [threads]; built by bench/train.ts with the compiler's -march=native.
#include <immintrin.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#if defined(__AVX512F__)
using Vector = __m512;
static Vector repeat(float x) { return _mm512_set1_ps(x); }
static Vector multiplyAdd(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
#else
using Vector = __m256;
static Vector repeat(float x) { return _mm256_set1_ps(x); }
static Vector multiplyAdd(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
#endif

constexpr int kChains = sizeof(Vector) == 64 ? 24 : 12;
constexpr long kRounds = 20'000'000;

static void spin() {
  Vector sums[kChains], a = repeat(0.999f), b = repeat(0.001f);
  for (int i = 0; i < kChains; i++) sums[i] = repeat(static_cast<float>(i));
  for (long round = 0; round < kRounds; round++) {
#pragma GCC unroll 32
    for (int i = 0; i < kChains; i++) sums[i] = multiplyAdd(sums[i], a, b);
    asm volatile("" : "+x"(a));
  }
  for (int i = 0; i < kChains; i++) asm volatile("" ::"x"(sums[i]));
}

int main(int count, char** values) {
  const int threads = count > 1 ? std::atoi(values[1]) : 1;
  double best = 0;
  for (int attempt = 0; attempt < 5; attempt++) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> others;
    for (int i = 1; i < threads; i++) others.emplace_back(spin);
    spin();
    for (auto& other : others) other.join();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double flops = 2.0 * sizeof(Vector) / sizeof(float) * kChains * kRounds * threads;
    best = flops / seconds / 1e9 > best ? flops / seconds / 1e9 : best;
  }
  std::printf("%.1f\n", best);
}
