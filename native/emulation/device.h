// CUDA for kernels that run on the CPU: a block's threads are fibers that take turns, blocks run one after another. Threads meet at
// barriers and in instructions of a whole warp; the order in which they run changes from launch to launch, so that a missing barrier shows.
// Shared memory is poisoned before each block, and an asynchronous copy arrives when its group is waited for, not before.
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <functional>

#include "../core/half.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define DEVICE inline
#define SHARED(type, name, dimensions) \
  static char name##Place;             \
  using name##Array = type dimensions; \
  name##Array& name = *static_cast<name##Array*>(lowbit::emulation::sharedArray(&name##Place, sizeof(name##Array)))

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
#define LOWBIT_PAIR(name, T)           \
  struct alignas(2 * sizeof(T)) name { \
    T x, y;                            \
  };
#define LOWBIT_FOUR(name, T, alignment) \
  struct alignas(alignment) name {      \
    T x, y, z, w;                       \
  };
LOWBIT_PAIR(float2, float)
LOWBIT_PAIR(double2, double)
LOWBIT_PAIR(int2, int)
LOWBIT_PAIR(uint2, unsigned)
LOWBIT_FOUR(float4, float, 16)
LOWBIT_FOUR(int4, int, 16)
LOWBIT_FOUR(uint4, unsigned, 16)
LOWBIT_FOUR(char4, signed char, 4)
LOWBIT_FOUR(uchar4, unsigned char, 4)
#undef LOWBIT_PAIR
#undef LOWBIT_FOUR
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

namespace lowbit::emulation {

extern dim3 threadIndex, blockIndex, blockSize, gridSize;

void* sharedArray(const void* place, size_t bytes);
unsigned char* dynamicSharedMemory();
// Waits for all threads of the block that have not ended.
void meetBlock();
// Waits for all lanes of the warp that have not ended.
void meetWarp();
int laneOf();
// Gives `bytes` of this lane to the others of the warp and waits for them; slot(lane) is what a lane gave, until the next exchange.
void exchange(const void* value, size_t bytes);
constexpr int kExchange = 64;
const char* slots();
inline const char* slot(int lane) { return slots() + lane * kExchange; }
uint32_t liveLanes();
void queueCopy(void* to, const void* from, size_t bytes);
void closeGroup();
void deliver(int pending);
void launch(dim3 grid, dim3 block, size_t shared, const std::function<void()>& thread);
// Does it now, or writes it down where this thread captures what it starts.
void start(std::function<void()> work);

template <class T> T fromLane(T value, int lane) {
  exchange(&value, sizeof value);
  T other;
  memcpy(&other, slot(lane), sizeof other);
  meetWarp();
  return other;
}

}  // namespace lowbit::emulation

#define threadIdx lowbit::emulation::threadIndex
#define blockIdx lowbit::emulation::blockIndex
#define blockDim lowbit::emulation::blockSize
#define gridDim lowbit::emulation::gridSize
constexpr int warpSize = 32;

inline void __syncthreads() { lowbit::emulation::meetBlock(); }
inline void __syncwarp(unsigned = 0xffffffffu) { lowbit::emulation::meetWarp(); }
inline void __threadfence() {}
inline void __threadfence_block() {}

// Shuffles and votes of whole warps; narrower ones of `width` lanes as in CUDA.
template <class T> T __shfl_sync(unsigned, T value, int lane, int width = 32) {
  const int me = lowbit::emulation::laneOf();
  return lowbit::emulation::fromLane(value, me / width * width + lane % width);
}
template <class T> T __shfl_xor_sync(unsigned, T value, int mask, int width = 32) {
  const int me = lowbit::emulation::laneOf(), other = me ^ mask;
  return lowbit::emulation::fromLane(value, other / width == me / width ? other : me);
}
template <class T> T __shfl_down_sync(unsigned, T value, unsigned by, int width = 32) {
  const int me = lowbit::emulation::laneOf(), other = me + static_cast<int>(by);
  return lowbit::emulation::fromLane(value, other / width == me / width ? other : me);
}
template <class T> T __shfl_up_sync(unsigned, T value, unsigned by, int width = 32) {
  const int me = lowbit::emulation::laneOf(), other = me - static_cast<int>(by);
  return lowbit::emulation::fromLane(value, other >= me / width * width ? other : me);
}
inline unsigned __ballot_sync(unsigned, int yes) {
  lowbit::emulation::exchange(&yes, sizeof yes);
  unsigned votes = 0;
  for (int lane = 0; lane < 32; lane++) {
    int other;
    memcpy(&other, lowbit::emulation::slot(lane), sizeof other);
    if (lowbit::emulation::liveLanes() >> lane & 1 && other) votes |= 1u << lane;
  }
  lowbit::emulation::meetWarp();
  return votes;
}
inline int __any_sync(unsigned mask, int yes) { return __ballot_sync(mask, yes) != 0; }
inline int __all_sync(unsigned mask, int yes) { return __ballot_sync(mask, !yes) == 0; }

template <class T> T lowbitExchange(T* at, T value) {
  const T before = *at;
  *at = value;
  return before;
}
template <class T> T atomicAdd(T* at, T value) { return lowbitExchange(at, static_cast<T>(*at + value)); }
template <class T> T atomicMax(T* at, T value) { return lowbitExchange(at, *at < value ? value : *at); }
template <class T> T atomicMin(T* at, T value) { return lowbitExchange(at, value < *at ? value : *at); }
template <class T> T atomicOr(T* at, T value) { return lowbitExchange(at, static_cast<T>(*at | value)); }
template <class T> T atomicExch(T* at, T value) { return lowbitExchange(at, value); }
template <class T> T atomicCAS(T* at, T expected, T value) { return lowbitExchange(at, *at == expected ? value : *at); }

template <class T> T __ldg(const T* p) { return *p; }
inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
inline int __float2int_rn(float x) {
  return x != x ? 0 : x >= 2147483648.0f ? INT32_MAX : x < -2147483648.0f ? INT32_MIN : static_cast<int>(nearbyintf(x));
}
inline float __int_as_float(int bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
inline int __float_as_int(float x) {
  int bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
inline float __uint_as_float(unsigned bits) { return __int_as_float(static_cast<int>(bits)); }
inline unsigned __float_as_uint(float x) { return static_cast<unsigned>(__float_as_int(x)); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(static_cast<uint64_t>(a) * b >> 32); }
inline int __dp4a(int a, int b, int sum) {
  for (int i = 0; i < 4; i++) sum += static_cast<int8_t>(a >> 8 * i) * static_cast<int8_t>(b >> 8 * i);
  return sum;
}
inline unsigned __byte_perm(unsigned low, unsigned high, unsigned selector) {
  const uint64_t bytes = static_cast<uint64_t>(high) << 32 | low;
  unsigned out = 0;
  for (int i = 0; i < 4; i++) {
    const unsigned pick = selector >> 4 * i & 15;
    unsigned byte = static_cast<unsigned>(bytes >> 8 * (pick & 7)) & 255;
    if (pick & 8) byte = byte & 128 ? 255 : 0;
    out |= byte << 8 * i;
  }
  return out;
}

namespace lowbit {

inline unsigned char* dynamicShared() { return emulation::dynamicSharedMemory(); }
inline void copyAsync16(void* to, const void* from, bool present) { emulation::queueCopy(to, present ? from : nullptr, 16); }
inline void commitCopies() { emulation::closeGroup(); }
template <int pending> void waitCopies() { emulation::deliver(pending); }

inline void loadTiles(uint32_t (&tiles)[4], const void* row) {
  emulation::exchange(&row, sizeof row);
  const int lane = emulation::laneOf();
  for (int tile = 0; tile < 4; tile++) {
    const char* start;
    memcpy(&start, emulation::slot(tile * 8 + lane / 4), sizeof start);
    memcpy(&tiles[tile], start + lane % 4 * 4, 4);
  }
  emulation::meetWarp();
}

// Lane l holds rows l / 4 and l / 4 + 8 of a and the sums, column l / 4 of b: words l % 4 and l % 4 + 4 of eight along K; and sums of the
// columns 2·(l % 4) and the next. `dot` adds the products of two words to a sum.
template <class Sum, class Dot> void multiplyFragments(Sum (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, Dot dot) {
  const uint32_t mine[6] = {a[0], a[1], a[2], a[3], b0, b1};
  emulation::exchange(mine, sizeof mine);
  const int lane = emulation::laneOf();
  const char* given = emulation::slots();
  const auto word = [given](int from, int i) {
    uint32_t bits;
    memcpy(&bits, given + from * emulation::kExchange + i * 4, sizeof bits);
    return bits;
  };
  for (int i = 0; i < 4; i++) {
    const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
    for (int half = 0; half < 2; half++)
      for (int k = 0; k < 4; k++) sum[i] = dot(sum[i], word(row % 8 * 4 + k, row / 8 + half * 2), word(column * 4 + k, 4 + half));
  }
  emulation::meetWarp();
}
template <class A, class B> int dotBytes(int sum, uint32_t a, uint32_t b) {
  for (int i = 0; i < 4; i++) sum += static_cast<A>(a >> 8 * i) * static_cast<B>(b >> 8 * i);
  return sum;
}
inline void multiplyS8S8(int (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  multiplyFragments(sum, a, b0, b1, dotBytes<int8_t, int8_t>);
}
inline void multiplyU8S8(int (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  multiplyFragments(sum, a, b0, b1, dotBytes<uint8_t, int8_t>);
}
inline void multiplyBits(int (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  multiplyFragments(sum, a, b0, b1, [](int so, uint32_t x, uint32_t y) { return so + __builtin_popcount(x & y); });
}
inline void multiplyTf32(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  // What the card keeps of a word: sign, exponent and 10 bits.
  const auto kept = [](uint32_t word) { return __uint_as_float(word & 0xffffe000u); };
  multiplyFragments(sum, a, b0, b1, [&](float so, uint32_t x, uint32_t y) { return so + kept(x) * kept(y); });
}
inline void multiplyBf16(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  multiplyFragments(sum, a, b0, b1, [](float so, uint32_t x, uint32_t y) {
    so += __uint_as_float(x << 16) * __uint_as_float(y << 16);
    return so + __uint_as_float(x & 0xffff0000u) * __uint_as_float(y & 0xffff0000u);
  });
}
// Halves go away from zero, as cvt.rna does.
inline uint32_t tf32Of(float x) {
  const uint32_t bits = __float_as_uint(x);
  return (bits & 0x7f800000u) == 0x7f800000u ? bits : (bits + 0x1000u) & 0xffffe000u;
}
inline uint32_t bf16Of(float low, float high) { return bhalf::encode(low) | static_cast<uint32_t>(bhalf::encode(high)) << 16; }

}  // namespace lowbit
