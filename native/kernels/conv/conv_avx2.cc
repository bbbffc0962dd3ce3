#include "conv2d_tiles.h"
#include "convTranspose2d_tiles.h"
#include "depthwise.h"

namespace lowbit {

bool conv2d_avx2(const conv2d_call& call) {
  const Conv conv = flattened(Conv(call));
  if (conv.groups > 1 && conv.groupIn == 1 && conv.groupOut == 1) depthwise(conv);
  else conv2dTiled(conv);
  return true;
}

bool convTranspose2d_avx2(const convTranspose2d_call& call) { return convTranspose2dTiled(call); }

}  // namespace lowbit
