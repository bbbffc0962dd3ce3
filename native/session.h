// Calls that run again and again on memory that was planned ahead: what lib/session makes of a graph. Nothing here knows Node.
#pragma once
#include <algorithm>
#include <atomic>
#include <mutex>

#include "call.h"
#include "copy.h"

namespace lowbit {

// What the kernels of a session keep from run to run. Plans for other numbers of samples share it.
class KeptTable {
 public:
  explicit KeptTable(size_t count) : kept_(count) {}
  ~KeptTable();
  KeptTable(const KeptTable&) = delete;
  KeptTable& operator=(const KeptTable&) = delete;

  size_t size() const { return kept_.size(); }
  Kept& at(size_t i) { return kept_[i]; }
  int64_t bytes() const;
  // One run at a time.
  std::mutex running;

 private:
  std::vector<Kept> kept_;
};

// Bytes of a buffer that are copied from or to the caller's memory. That is larger where it holds a batch and the buffer a slice of it.
struct Port {
  BufferRef buffer;
  size_t offset, bytes, callerBytes;
};

// A batch that runs a slice at a time; where slices do not divide it, the last two overlap.
struct Batch {
  size_t samples = 1, slice = 1;

  size_t slices() const { return (samples + slice - 1) / slice; }
  size_t first(size_t i) const { return std::min(i * slice, samples - slice); }
};

class Plan {
 public:
  struct Step {
    PreparedCall call;
    int threads;  // at most; 0: as many as there are
  };

  Plan(std::shared_ptr<KeptTable> kept, std::vector<Step> steps, std::vector<Port> inputs, std::vector<Port> outputs, Batch batch);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  size_t steps() const { return steps_.size(); }
  int64_t keptBytes() const { return kept_->bytes(); }

  // `from` and `to` have memory for every port, on any device. Throws Fault as a call does, and "aborted" where `stop` is not 0 between two
  // steps. `nanoseconds`, if there, gets the time of each step, added to what is there.
  void run(const Memory* from, const Memory* to, const std::atomic<int32_t>* stop = nullptr, double* nanoseconds = nullptr);

 private:
  std::shared_ptr<KeptTable> kept_;
  std::vector<Step> steps_;
  std::vector<Port> inputs_, outputs_;
  Batch batch_;
  // On a graphics card the first run starts every step, the second writes them down as a CUDA graph, which runs from then on.
  bool onCard_, started_ = false;
  void* captured_ = nullptr;

  // Where a slice of a port begins in the caller's memory.
  size_t sliceOffset(const Port& port, size_t slice) const;
  void runOnCard(double* nanoseconds);
  void capture();
  void runSteps(const std::atomic<int32_t>* stop, double* nanoseconds);
};

}  // namespace lowbit
