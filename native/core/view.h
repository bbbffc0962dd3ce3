// A dense row-major tensor that somebody else owns. Plain data: safe to include from files compiled for one instruction set.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Kernels of graphics cards, compiled for those or for the emulation.
#if defined(__CUDACC__) || defined(LOWBIT_EMULATION)
#define LOWBIT_CARD
#endif

// INLINE functions are for processors and cards; HOST_DEVICE ones too, where it is left to the compiler whether they are inlined.
#if defined(__CUDACC__)
#define INLINE __host__ __device__ __forceinline__
#define HOST_DEVICE __host__ __device__
#else
#define INLINE inline __attribute__((always_inline))
#define HOST_DEVICE
#endif

namespace lowbit {

// The order is the number that TypeScript sends (lib/tensor.ts checks it against schema().dtypes).
#define LOWBIT_DTYPES(X)        \
  X(float32, float, 4)          \
  X(float64, double, 8)         \
  X(float16, lowbit::half, 2)   \
  X(bfloat16, lowbit::bhalf, 2) \
  X(int8, int8_t, 1)            \
  X(uint8, uint8_t, 1)          \
  X(int16, int16_t, 2)          \
  X(uint16, uint16_t, 2)        \
  X(int32, int32_t, 4)          \
  X(uint32, uint32_t, 4)        \
  X(int64, int64_t, 8)          \
  X(uint64, uint64_t, 8)        \
  X(boolean, bool, 1)

struct half;   // core/half.h
struct bhalf;  // core/half.h

enum class Dtype : int {
#define X(name, type, bytes) name,
  LOWBIT_DTYPES(X)
#undef X
};

constexpr int kMaxRank = 8;

struct View {
  void* data;
  Dtype dtype;
  int rank;
  int64_t shape[kMaxRank];

  template <class T> INLINE T* as() const { return static_cast<T*>(data); }
  // Dimensions from `from` to `to` multiplied together; the empty product is 1.
  INLINE int64_t count(int from, int to) const {
    int64_t n = 1;
    for (int i = from; i < to; i++) n *= shape[i];
    return n;
  }
  INLINE int64_t size() const { return count(0, rank); }
  // shape[i] with negative i counting from the back, as in Python.
  INLINE int64_t dim(int i) const { return shape[i < 0 ? i + rank : i]; }
};

// Inputs of an op that takes any number of them (concat).
struct Views {
  const View* items;
  int count;
  INLINE const View& operator[](int i) const { return items[i]; }
};

// A parameter: one number, or a short list of numbers.
struct Param {
  const double* values;
  int count;
  INLINE operator double() const { return values[0]; }
  INLINE int64_t operator[](int i) const { return static_cast<int64_t>(values[i]); }
  INLINE int64_t integer() const { return static_cast<int64_t>(values[0]); }
  INLINE double real(int i) const { return values[i]; }
};

}  // namespace lowbit
