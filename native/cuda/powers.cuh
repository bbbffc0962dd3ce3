// The exponentials of lines (reduce.cuh), of which softmax and the losses of logits are made: those of float32 are the reference's, those
// of double the card's.
#pragma once
#include "../cpu/f32/functions.h"
#include "reduce.cuh"

namespace lowbit {
namespace {

DEVICE float power(float x) { return exponential(x); }
DEVICE double power(double x) { return exp(x); }

// The largest x of a line and Σ e^(x − most) over it, computed in W: float or double. element(i) reads x.
template <class W> struct Powers {
  W most = static_cast<W>(-INFINITY);
  double sum;

  template <class F> DEVICE Powers(F element, int lane, int64_t n) {
    for (int64_t i = lane; i < n; i += kLineLanes) {
      const W x = element(i);
      most = x > most ? x : most;
    }
    most = largestLane(most);
    double part = 0;
    for (int64_t i = lane; i < n; i += kLineLanes) part += static_cast<double>(power(element(i) - most));
    sum = foldLanes(part);
  }
};

}  // namespace
}  // namespace lowbit
