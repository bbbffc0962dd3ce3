// A few neighbours in memory, read and written at once: up to 16 bytes are one access.
#pragma once
#include "../core/unroll.h"
#include "launch.h"

namespace lowbit {
namespace {

// The address is a multiple of its size, as that of element i·W of a tensor is.
template <class T, int W> struct alignas(W * sizeof(T)) Few {
  T of[W];
};

template <int W, class T> DEVICE Few<T, W> readFew(const T* p) { return *reinterpret_cast<const Few<T, W>*>(p); }
template <int W, class T> DEVICE void writeFew(T* p, const Few<T, W>& few) { *reinterpret_cast<Few<T, W>*>(p) = few; }

constexpr int kFew = 4;

// body(i, Index<W>()) for neighbours i, i + 1, ... i + W - 1 that cover `count`: kFew at a time, the last ones one by one.
template <class F> DEVICE void eachFew(int64_t count, F body) {
  FOR_EACH(i, count / kFew) body(i * kFew, Index<kFew>());
  FOR_EACH(i, count % kFew) body(count / kFew * kFew + i, Index<1>());
}
inline Launch launchOverFew(int64_t count) { return launchOver(count / kFew + 1); }

}  // namespace
}  // namespace lowbit
