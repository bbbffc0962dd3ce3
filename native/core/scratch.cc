#include "scratch.h"

#include <cstdlib>
#include <memory>
#include <new>

#include "pages.h"

namespace lowbit {
namespace {

struct Free {
  void operator()(void* block) const { std::free(block); }
};

}  // namespace

void* scratch(size_t bytes) {
  thread_local std::unique_ptr<void, Free> block;
  thread_local size_t capacity = 0;
  if (bytes > capacity || !block) {
    block.reset();
    capacity = 0;
    const size_t rounded = (bytes + 4096) / 4096 * 4096;
    block.reset(alignedBytes(rounded));
    if (!block) throw std::bad_alloc();
    capacity = rounded;
  }
  return block.get();
}

}  // namespace lowbit
