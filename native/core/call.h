// A call of an op as it arrives from outside, before it becomes the op's own call struct. Plain data.
#pragma once
#include "device.h"
#include "kept.h"
#include "view.h"

namespace lowbit {

struct Call {
  Device device;
  const View* inputs;
  int inputCount;
  View output;
  const Param* params;
  Kept* kept;
};

}  // namespace lowbit
