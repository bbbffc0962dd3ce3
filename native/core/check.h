// EXPECT states what a kernel relies on. TypeScript has already checked the caller's mistakes, so a failure here is a bug of
// ours: it becomes an exception that the addon turns into a LowbitError with code "internal".
#pragma once

namespace lowbit {
[[noreturn]] void expectFailed(const char* condition, const char* file, int line);
}

#if defined(__CUDA_ARCH__)  // on the card nobody could be told; the host has looked
#define EXPECT(condition)
#else
#define EXPECT(condition)                                                   \
  do {                                                                      \
    if (!(condition)) lowbit::expectFailed(#condition, __FILE__, __LINE__); \
  } while (0)
#endif
