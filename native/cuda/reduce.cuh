// Sums that threads share. Their orders depend on shapes alone, and where a reference has one of these orders, bytes are the same.
#pragma once
#include "../core/interleaved.h"
#include "launch.h"

namespace lowbit {
namespace {

constexpr unsigned kAllLanes = 0xffffffffu;

// body(T()) for float32 and float64. False for other types: networks are trained in these.
template <class F> bool asFloating(Dtype dtype, F&& body) {
  if (dtype == Dtype::float32) body(float{});
  else if (dtype == Dtype::float64) body(double{});
  else return false;
  return true;
}

// Lines of elements are the work of 16 lanes each: lane l takes the elements l, l + 16, ... of a line, so that its sum of them is partial
// sum l of core/interleaved.h, and both halves of a warp read whole sectors of memory.
constexpr int kLineLanes = kInterleaved;

inline Launch launchOfLines(int64_t lines) { return launchOver(lines * kLineLanes, 128); }

// body(line, lane, n) for lines of `width` elements, n of them to be read. All lanes of a warp are in it together, also those whose line is
// past the last one; for them n is 0.
template <class F> DEVICE void eachLine(int64_t lines, int64_t width, F body) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * (blockDim.x / kLineLanes);
  int64_t line = (static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / kLineLanes;
  for (; (line & ~int64_t{1}) < lines; line += step) body(line, static_cast<int>(threadIdx.x % kLineLanes), line < lines ? width : 0);
}

// What a lane has of a line: element(i) for i = lane, lane + 16, ... n. As many as there are registers for are read once, others each time.
template <class V, class Element> struct LaneElements {
  static constexpr int kTogether = 8, kKept = 128 / sizeof(V);
  Element element;
  int lane;
  int64_t n;
  V kept[kKept];

  DEVICE LaneElements(Element e, int l, int64_t count) : element(e), lane(l), n(count) {
#pragma unroll
    for (int first = 0; first < kKept; first += kTogether) {
      if (first * kLineLanes >= n) break;
#pragma unroll
      for (int j = first; j < first + kTogether; j++) kept[j] = indexOf(j) < n ? element(indexOf(j)) : V{};
    }
  }
  DEVICE int64_t indexOf(int j) const { return lane + j * kLineLanes; }

  // f(i, element i)
  template <class F> DEVICE void each(F f) const {
#pragma unroll
    for (int first = 0; first < kKept; first += kTogether) {
      if (first * kLineLanes >= n) break;
#pragma unroll
      for (int j = first; j < first + kTogether; j++)
        if (indexOf(j) < n) f(indexOf(j), kept[j]);
    }
    for (int64_t i = indexOf(kKept); i < n; i += kLineLanes) f(i, element(i));
  }
};
template <class Element> DEVICE auto elementsOf(Element element, int lane, int64_t n) {
  return LaneElements<decltype(element(0)), Element>(element, lane, n);
}

// The partial sums of a line's lanes added up as in core/interleaved.h; all lanes get the total.
DEVICE double foldLanes(double part) {
  for (int half = kLineLanes / 2; half > 0; half /= 2) part += __shfl_xor_sync(kAllLanes, part, half);
  return part;
}
// The largest of a line's lanes; of NaN and a number, the number.
template <class T> DEVICE T largestLane(T most) {
  for (int half = kLineLanes / 2; half > 0; half /= 2) {
    const T other = __shfl_xor_sync(kAllLanes, most, half);
    most = other > most ? other : most;
  }
  return most;
}

constexpr int kOrderedThreads = 256;

// Σ terms in order, by a block of kOrderedThreads; its first thread gets the sum.
DEVICE double sumInOrder(const double* terms, int64_t count) {
  SHARED(double, part, [kOrderedThreads]);
  double sum = 0;
  for (int64_t first = 0; first < count; first += kOrderedThreads) {
    const int64_t left = count - first, n = left < kOrderedThreads ? left : kOrderedThreads;
    if (threadIdx.x < n) part[threadIdx.x] = terms[first + threadIdx.x];
    __syncthreads();
    if (threadIdx.x == 0)
      for (int i = 0; i < n; i++) sum += part[i];
    __syncthreads();
  }
  return sum;
}

}  // namespace
}  // namespace lowbit
