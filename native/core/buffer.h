// The memory of CPU tensors: 64-byte aligned blocks that are cached when freed, because fresh pages cost more than most kernels.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "device.h"

namespace lowbit {

// Bytes after the end that a kernel may read (never write): vector loads may run past the last element.
constexpr size_t kSlack = 64;

// A buffer takes its block when it is first asked for it: of calls that wait in a queue, only those that run hold memory.
class Buffer {
 public:
  explicit Buffer(size_t bytes, Device device = Device::cpu);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  // Throws std::bad_alloc. The contents are not initialized.
  void* data() {
    void* block = block_.load(std::memory_order_acquire);
    return block ? block : take();
  }
  size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

 private:
  void* take();
  void give(void* block);

  std::atomic<void*> block_{nullptr};
  size_t bytes_, capacity_;
  Device device_;
};

using BufferRef = std::shared_ptr<Buffer>;

// Memory of a graphics card. Buffers there are only for kernels and copies of its library.
struct CardMemory {
  void* (*take)(size_t bytes);  // nullptr: none left
  void (*give)(void* memory);
};
// Before the first buffer on a card is made.
void useCard(CardMemory memory);

struct MemoryUse {
  uint64_t buffers, bytes, peakBytes, cachedBytes;
};
MemoryUse memoryUse(Device device = Device::cpu);
void resetPeak();
// Gives cached blocks back to the operating system.
void trimCache();

}  // namespace lowbit
