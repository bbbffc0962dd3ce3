#include "pages.h"

#include <sys/mman.h>

#include <cstdlib>

namespace lowbit {
namespace {

constexpr size_t kLine = 64, kHugePage = size_t{2} << 20;

}  // namespace

void* alignedBytes(size_t bytes) {
  const size_t alignment = bytes < kHugePage ? kLine : kHugePage;
  void* block = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
#ifdef MADV_HUGEPAGE
  if (block && bytes >= kHugePage) madvise(block, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);  // a wish: failing does no harm
#endif
  return block;
}

}  // namespace lowbit
