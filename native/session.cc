#include "session.h"

#include <chrono>
#include <cstdlib>

#include "copy.h"
#include "cpu/pool.h"

namespace lowbit {

KeptTable::~KeptTable() {
  for (Kept& kept : kept_)
    for (Kept::Part& part : kept.parts) std::free(part.memory);
}

int64_t KeptTable::bytes() const {
  int64_t sum = 0;
  for (const Kept& kept : kept_)
    for (const Kept::Part& part : kept.parts) sum += part.bytes;
  return sum;
}

namespace {

// Only the row that filled a Kept can read it. Where that one declines, as it may for another size of the first input, others do without.
void runStep(PreparedCall& call) {
  Kept* const kept = call.kept;
  if (!kept || !kept->filled()) {
    const int ran = call.run();
    if (kept) kept->row = ran;
    return;
  }
  call.row = kept->row;
  const bool ran = call.tryRun() >= 0;
  call.row = -1;
  if (ran) return;
  call.kept = nullptr;
  call.run();
  call.kept = kept;
}

}  // namespace

Plan::Plan(std::shared_ptr<KeptTable> kept, std::vector<Step> steps, std::vector<Port> inputs, std::vector<Port> outputs, Batch batch)
    : kept_(std::move(kept)), steps_(std::move(steps)), inputs_(std::move(inputs)), outputs_(std::move(outputs)), batch_(batch) {
  for (Step& step : steps_) step.call.bind();
}

size_t Plan::sliceOffset(const Port& port, size_t slice) const {
  return port.callerBytes == port.bytes ? 0 : port.callerBytes / batch_.samples * batch_.first(slice);
}

void Plan::run(const void* const* from, void* const* to, const std::atomic<int32_t>* stop, double* nanoseconds) {
  std::lock_guard<std::mutex> lock(kept_->running);
  for (size_t slice = 0; slice < batch_.slices(); slice++) {
    for (size_t i = 0; i < inputs_.size(); i++) {
      const Port& port = inputs_[i];
      copyIn(*port.buffer, port.offset, static_cast<const char*>(from[i]) + sliceOffset(port, slice), port.bytes);
    }
    runSteps(stop, nanoseconds);
    for (size_t i = 0; i < outputs_.size(); i++) {
      const Port& port = outputs_[i];
      copyOut(static_cast<char*>(to[i]) + sliceOffset(port, slice), *port.buffer, port.offset, port.bytes);
    }
  }
}

void Plan::runSteps(const std::atomic<int32_t>* stop, double* nanoseconds) {
  struct Limit {
    ~Limit() { limitThreads(0); }
  };
  using Clock = std::chrono::steady_clock;
  Limit limit;
  for (size_t i = 0; i < steps_.size(); i++) {
    if (stop && stop->load(std::memory_order_relaxed)) throw Fault("aborted", "the session");
    limitThreads(steps_[i].threads);
    const auto before = nanoseconds ? Clock::now() : Clock::time_point();
    runStep(steps_[i].call);
    if (nanoseconds) nanoseconds[i] += std::chrono::duration<double, std::nano>(Clock::now() - before).count();
  }
}

}  // namespace lowbit
