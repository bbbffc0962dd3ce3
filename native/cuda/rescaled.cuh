// y = req(f32(x - z)·m) as a functor: codes or sums on another scale.
#pragma once
#include "../core/rounding.h"
#include "device.cuh"

namespace lowbit {
namespace {

struct Rescaled {
  int64_t zero;
  float multiplier;
  Requantize requantize;

  DEVICE uint8_t operator()(int8_t x) const { return ofCode(x); }
  DEVICE uint8_t operator()(uint8_t x) const { return ofCode(x); }
  DEVICE uint8_t operator()(int32_t x) const { return rounded(static_cast<float>(x - zero)); }

 private:
  DEVICE uint8_t ofCode(int32_t x) const { return rounded(static_cast<float>(x - static_cast<int32_t>(zero))); }
  DEVICE uint8_t rounded(float x) const { return static_cast<uint8_t>(requantize(x * multiplier)); }
};

}  // namespace
}  // namespace lowbit
