// Elements between the host and buffers, which may lie on a graphics card. Throws Fault where that reports one.
#pragma once
#include "core/buffer.h"

namespace lowbit {

void copyIn(Buffer& to, size_t offset, const void* from, size_t bytes);
void copyOut(void* to, Buffer& from, size_t offset, size_t bytes);
// All of it; both are of one size.
void copyBuffer(Buffer& to, Buffer& from);

}  // namespace lowbit
