// Working memory for one kernel call, kept for the next call of the same thread.
#pragma once
#include <stddef.h>

namespace lowbit {

// At least `bytes` bytes, 64-byte aligned, not initialized; valid until the calling thread asks again. Throws std::bad_alloc.
// A kernel asks once, before it goes parallel, and shares the memory with its threads.
void* scratch(size_t bytes);

}  // namespace lowbit
