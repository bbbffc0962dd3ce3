// The graphics card as the library's own code sees it. Two files implement it: card.cc with the CUDA runtime, emulation/card.cc without.
#pragma once
#include "api.h"

namespace lowbit {

// False, and why, where there is no card that the kernels can run on.
bool openCard(CudaCard& card, CudaFault& fault);
void* takeCard(size_t bytes);
void giveCard(void* memory);
// These throw Fault.
void copyCard(void* to, const void* from, size_t bytes, CopyTo direction);
void waitCard();
void* fetchCard(const void* from, size_t bytes);
void collectCard(void* fetched, void* to, size_t bytes);
void beginCapture();
void* endCapture();
void replay(void* captured);
void freeCapture(void* captured);

}  // namespace lowbit
