// Calls as numbers: what TypeScript sends (lib/calls.ts), read and checked. Nothing here knows Node.
//
// A call is a run of doubles:
//   op, row (-1: best), inputs, tensor * inputs, output tensor, params, (count, value * count) * params
//   tensor = buffer handle, first byte in it, dtype, rank, dimension * rank
#pragma once
#include <string>
#include <vector>

#include "core/buffer.h"
#include "fault.h"
#include "registry.h"

namespace lowbit {

// One call with everything it points to: views and parameters live here, buffers (the inputs', then the output's) are held until it is
// gone.
struct PreparedCall {
  const Op* op = nullptr;
  int row = -1;
  std::vector<View> inputs;
  View output{};
  std::vector<double> values;
  std::vector<Param> params;
  std::vector<BufferRef> held;
  std::vector<size_t> offsets;  // where the views begin in them
  Kept* kept = nullptr;

  // Gives the views their memory. Before that, of calls that wait in a queue, none holds any.
  void bind();
  // Returns the index of the row that ran, -1 where none took the call; throws Fault "data" for indices out of range.
  int tryRun();
  // The same, but throws Fault "declined" where none took the call.
  int run();
};

// The buffers of one environment (main thread or worker). Handles are slots with a generation, so that a stale one is noticed.
class BufferTable {
 public:
  double add(BufferRef buffer) {
    uint32_t slot;
    if (free_.empty()) {
      slot = static_cast<uint32_t>(slots_.size());
      slots_.push_back({});
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    slots_[slot].buffer = std::move(buffer);
    return static_cast<double>((static_cast<uint64_t>(slots_[slot].generation) << 32) | slot);
  }
  const BufferRef& at(double handle) {
    Slot* slot = find(handle);
    if (!slot) throw Fault("disposed", "a tensor was used after dispose()");
    return slot->buffer;
  }
  bool remove(double handle) {
    Slot* slot = find(handle);
    if (!slot) return false;
    slot->buffer.reset();
    slot->generation = (slot->generation + 1) & 0xfffff;  // a handle stays below 2^53
    free_.push_back(static_cast<uint32_t>(slot - slots_.data()));
    return true;
  }

 private:
  struct Slot {
    BufferRef buffer;
    uint32_t generation = 0;
  };
  Slot* find(double handle) {
    if (!(handle >= 0 && handle < 9007199254740992.0)) return nullptr;
    uint64_t bits = static_cast<uint64_t>(handle);
    uint32_t slot = static_cast<uint32_t>(bits);
    if (slot >= slots_.size() || slots_[slot].generation != bits >> 32 || !slots_[slot].buffer) return nullptr;
    return &slots_[slot];
  }
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
};

// Reads all calls, and refuses what would let a kernel touch memory that is not its own.
std::vector<PreparedCall> readCalls(BufferTable& buffers, const double* words, size_t count);

}  // namespace lowbit
