// Memory from the operating system for what kernels read and write.
#pragma once
#include <stddef.h>

namespace lowbit {

// `bytes` bytes, 64-byte aligned, to be given to free(); nullptr where there are none. Two megabytes and more lie on huge pages where the
// system grants them: a sweep through a large tensor in small pages waits for their addresses.
void* alignedBytes(size_t bytes);

}  // namespace lowbit
