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

struct Meter : MemoryUse {
  void add(size_t more) {
    buffers++;
    bytes += more;
    peakBytes = std::max(peakBytes, bytes);
  }
  void remove(size_t less) {
    buffers--;
    bytes -= less;
  }
};

// Memory of the CPU.
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
    use_.add(bytes);
    return block;
  }

  void give(void* block, size_t capacity, size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    use_.remove(bytes);
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
  Meter use_{};
};

// Memory of the graphics card, whose library keeps what is free.
class Card {
 public:
  static Card& instance() {
    static Card* card = new Card;
    return *card;
  }
  void use(CardMemory memory) { memory_ = memory; }
  void* take(size_t capacity, size_t bytes) {
    void* block = memory_.take ? memory_.take(capacity) : nullptr;
    if (!block) throw std::bad_alloc();
    std::lock_guard<std::mutex> lock(mutex_);
    use_.add(bytes);
    return block;
  }
  void give(void* block, size_t bytes) {
    memory_.give(block);
    std::lock_guard<std::mutex> lock(mutex_);
    use_.remove(bytes);
  }
  MemoryUse use() {
    std::lock_guard<std::mutex> lock(mutex_);
    return use_;
  }

 private:
  CardMemory memory_{};
  std::mutex mutex_;
  Meter use_{};
};

}  // namespace

Buffer::Buffer(size_t bytes, Device device) : bytes_(bytes), capacity_(capacityFor(bytes)), device_(device) {}
Buffer::~Buffer() {
  if (void* block = block_.load()) give(block);
}

void* Buffer::take() {
  void* block = device_ == Device::cpu ? Blocks::instance().take(capacity_, bytes_) : Card::instance().take(capacity_, bytes_);
  void* first = nullptr;
  if (block_.compare_exchange_strong(first, block)) return block;
  give(block);  // another thread was first
  return first;
}

void Buffer::give(void* block) {
  if (device_ == Device::cpu) Blocks::instance().give(block, capacity_, bytes_);
  else Card::instance().give(block, bytes_);
}

void useCard(CardMemory memory) { Card::instance().use(memory); }
MemoryUse memoryUse(Device device) { return device == Device::cpu ? Blocks::instance().use() : Card::instance().use(); }
void resetPeak() { Blocks::instance().resetPeak(); }
void trimCache() { Blocks::instance().trim(); }

}  // namespace lowbit
