// Elements between the host and the graphics card. Throws Fault where that reports one.
#pragma once
#include "core/buffer.h"

namespace lowbit {

struct Memory {
  void* data;
  Device device;
};

inline Memory memoryOf(Buffer& buffer, size_t offset = 0) { return {static_cast<char*>(buffer.data()) + offset, buffer.device()}; }
inline Memory hostMemory(void* data) { return {data, Device::cpu}; }

// To the host it waits for all that was started before; otherwise it comes in order with that.
void copyBytes(const Memory& to, const Memory& from, size_t bytes);

// Numbers of the graphics card that the host comes back for.
class Fetch {
 public:
  // Starts the copy, after all that was started before.
  explicit Fetch(Buffer& from);
  ~Fetch();
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;

  // Waits for them; once. As many bytes as the buffer has.
  void collect(void* to);
  size_t bytes() const { return bytes_; }

 private:
  void* fetched_ = nullptr;
  size_t bytes_;
};

}  // namespace lowbit
