// Losses are of float32 or float64.
#pragma once
#include "../../core/check.h"
#include "../../core/view.h"

namespace lowbit {
namespace {

// Calls f with a value of the element type.
template <class F> bool withFloat(Dtype dtype, F f) {
  EXPECT(dtype == Dtype::float32 || dtype == Dtype::float64);
  if (dtype == Dtype::float32) f(float{});
  else f(double{});
  return true;
}

}  // namespace
}  // namespace lowbit
