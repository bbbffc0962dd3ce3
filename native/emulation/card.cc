// The card that is this CPU: its memory is the host's, and what is started has ended when the call returns.
#include "../cuda/card.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "../cuda/launch.h"
#include "../fault.h"

namespace lowbit {
namespace {

constexpr size_t kCard = size_t{4} << 30, kPoisoned = size_t{64} << 20;

// What a thread has written down. Its memory is at one place from replay to replay, as in a CUDA graph.
struct Captured {
  std::vector<std::function<void()>> work;
  std::vector<void*> taken;
};

thread_local std::unique_ptr<Captured> capturing;
IndexNote note{};

class Blocks {
 public:
  void* take(size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    void* memory = bytes > kCard - used_ ? nullptr : aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (!memory) return nullptr;
    sizes_[memory] = bytes;
    used_ += bytes;
    return memory;
  }
  void give(void* memory) {
    const std::lock_guard<std::mutex> lock(mutex_);
    used_ -= sizes_.extract(memory).mapped();
    free(memory);
  }

 private:
  std::mutex mutex_;
  std::map<void*, size_t> sizes_;
  size_t used_ = 0;
};

Blocks& blocks() {
  static Blocks* made = new Blocks;
  return *made;
}

// Throws what a kernel has noted.
void heedNote() {
  if (!note.written) return;
  const IndexNote read = note;
  note = {};
  throw faultOf(read);
}

void poison(void* memory, size_t bytes) { memset(memory, 0xcd, bytes < kPoisoned ? bytes : kPoisoned); }

}  // namespace

void emulation::start(std::function<void()> work) {
  if (capturing) capturing->work.push_back(std::move(work));
  else work();
}

bool openCard(CudaCard& card, CudaFault&) {
  snprintf(card.name, sizeof card.name, "emulation on the CPU");
  card.capability = 90;
  card.multiprocessors = 4;
  card.bytes = kCard;
  return true;
}

void* takeCard(size_t bytes) {
  void* memory = blocks().take(bytes);
  if (!memory) return nullptr;
  if (capturing) capturing->taken.push_back(memory);
  emulation::start([=] { poison(memory, bytes); });
  return memory;
}
void giveCard(void* memory) {
  if (!capturing) blocks().give(memory);
}

void copyCard(void* to, const void* from, size_t bytes, CopyTo direction) {
  if (capturing && direction == CopyTo::host) throw Fault("internal", "a row that waits for the graphics card");
  if (!capturing || direction == CopyTo::sameCard) {
    emulation::start([=] { memcpy(to, from, bytes); });
    if (direction == CopyTo::host) heedNote();
    return;
  }
  const char* first = static_cast<const char*>(from);
  emulation::start([to, source = std::vector<char>(first, first + bytes)] { memcpy(to, source.data(), source.size()); });
}
void waitCard() {}
void fillCard(void* memory, int byte, size_t bytes) {
  emulation::start([=] { memset(memory, byte, bytes); });
}
int cardMultiprocessors() { return 4; }
IndexNote* indexNote() { return &note; }

void* fetchCard(const void* from, size_t bytes) {
  const char* first = static_cast<const char*>(from);
  return new std::vector<char>(first, first + bytes);
}
void collectCard(void* fetched, void* to, size_t bytes) {
  const std::unique_ptr<std::vector<char>> numbers(static_cast<std::vector<char>*>(fetched));
  if (!to) return;
  memcpy(to, numbers->data(), bytes);
  heedNote();
}

void beginCapture() { capturing = std::make_unique<Captured>(); }
void* endCapture() { return capturing.release(); }
void replay(void* captured) {
  for (const auto& work : static_cast<Captured*>(captured)->work) work();
}
void freeCapture(void* captured) {
  const std::unique_ptr<Captured> ended(static_cast<Captured*>(captured));
  for (void* memory : ended->taken) blocks().give(memory);
}

}  // namespace lowbit
