// The exponentials of lines (reduce.cuh), of which softmax and the losses of logits are made: those of float32 are the reference's, those
// of double the card's.
#pragma once
#include "../cpu/f32/functions.h"
#include "reduce.cuh"

namespace lowbit {
namespace {

DEVICE float power(float x) { return exponential(x); }
DEVICE double power(double x) { return exp(x); }

// The largest x of a line and Σ e^(x − most) over it, computed in W: float or double.
template <class W> struct Powers {
  W most = static_cast<W>(-INFINITY);
  double sum;

  template <class Elements> DEVICE explicit Powers(const Elements& elements) {
    elements.each([&](int64_t, W x) { most = x > most ? x : most; });
    most = largestLane(most);
    double part = 0;
    elements.each([&](int64_t, W x) { part += static_cast<double>(power(x - most)); });
    sum = foldLanes(part);
  }
};

}  // namespace
}  // namespace lowbit
