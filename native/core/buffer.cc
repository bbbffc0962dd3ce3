#include "buffer.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#include "pages.h"

namespace lowbit {
namespace {

// Free blocks are kept up to this, or up to what was once in use: a training step needs all of it again.
constexpr size_t kMaxCached = size_t{512} << 20;

// Capacities are 2^k, 1.25, 1.5 and 1.75 times 2^k: a freed block fits most later requests of about its size.
size_t capacityFor(size_t bytes) {
  size_t need = std::max<size_t>(bytes + kSlack, 256);
  size_t power = 256;
  while (power * 2 <= need) power *= 2;
  for (size_t quarter = 4; quarter <= 8; quarter++) {
    size_t capacity = power / 4 * quarter;
    if (capacity >= need) return capacity;
  }
  return need;
}

class Blocks {
 public:
  static Blocks& instance() {
    static Blocks* blocks = new Blocks;  // outlives every environment
    return *blocks;
  }

  void* take(size_t capacity, size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    void* block = nullptr;
    auto found = free_.find(capacity);
    if (found != free_.end() && !found->second.empty()) {
      block = found->second.back();
      found->second.pop_back();
      use_.cachedBytes -= capacity;
    } else {
      block = alignedBytes(capacity);
      if (!block) throw std::bad_alloc();
    }
    use_.buffers++;
    use_.bytes += bytes;
    use_.peakBytes = std::max(use_.peakBytes, use_.bytes);
    return block;
  }

  void give(void* block, size_t capacity, size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    use_.buffers--;
    use_.bytes -= bytes;
    if (use_.cachedBytes + capacity > std::max<uint64_t>(kMaxCached, use_.peakBytes - use_.bytes)) {
      std::free(block);
      return;
    }
    free_[capacity].push_back(block);
    use_.cachedBytes += capacity;
  }

  void trim() {
    std::lock_guard<std::mutex> lock(mutex_);
    for (auto& [capacity, blocks] : free_)
      for (void* block : blocks) std::free(block);
    free_.clear();
    use_.cachedBytes = 0;
  }

  MemoryUse use() {
    std::lock_guard<std::mutex> lock(mutex_);
    return use_;
  }

  void resetPeak() {
    std::lock_guard<std::mutex> lock(mutex_);
    use_.peakBytes = use_.bytes;
  }

 private:
  std::mutex mutex_;
  std::map<size_t, std::vector<void*>> free_;
  MemoryUse use_{};
};

}  // namespace

Buffer::Buffer(size_t bytes) : bytes_(bytes), capacity_(capacityFor(bytes)) {}
Buffer::~Buffer() {
  if (void* block = block_.load()) Blocks::instance().give(block, capacity_, bytes_);
}

void* Buffer::take() {
  void* block = Blocks::instance().take(capacity_, bytes_);
  void* first = nullptr;
  if (block_.compare_exchange_strong(first, block)) return block;
  Blocks::instance().give(block, capacity_, bytes_);  // another thread was first
  return first;
}

MemoryUse memoryUse() { return Blocks::instance().use(); }
void resetPeak() { Blocks::instance().resetPeak(); }
void trimCache() { Blocks::instance().trim(); }

}  // namespace lowbit
