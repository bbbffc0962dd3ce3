#include "session.h"

#include <chrono>
#include <cstdlib>

#include "cpu/pool.h"
#include "cuda/library.h"

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

void waitForCard() {
  onCard([](const CudaTable& card, CudaFault* fault) { return card.wait(fault); });
}

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
  onCard_ = !steps_.empty() && steps_[0].call.held.back()->device() == Device::cuda;
}

Plan::~Plan() {
  if (captured_) cudaLibrary().table->freeCapture(captured_);
}

size_t Plan::sliceOffset(const Port& port, size_t slice) const {
  return port.callerBytes == port.bytes ? 0 : port.callerBytes / batch_.samples * batch_.first(slice);
}

void Plan::run(const Memory* from, const Memory* to, const std::atomic<int32_t>* stop, double* nanoseconds) {
  const auto part = [&](const Memory& memory, const Port& port, size_t slice) {
    return Memory{static_cast<char*>(memory.data) + sliceOffset(port, slice), memory.device};
  };
  std::lock_guard<std::mutex> lock(kept_->running);
  for (size_t slice = 0; slice < batch_.slices(); slice++) {
    for (size_t i = 0; i < inputs_.size(); i++) {
      const Port& port = inputs_[i];
      copyBytes(memoryOf(*port.buffer, port.offset), part(from[i], port, slice), port.bytes);
    }
    if (stop && stop->load(std::memory_order_relaxed)) throw Fault("aborted", "the session");
    if (onCard_) runOnCard(nanoseconds);
    else runSteps(stop, nanoseconds);
    for (size_t i = 0; i < outputs_.size(); i++) {
      const Port& port = outputs_[i];
      copyBytes(part(to[i], port, slice), memoryOf(*port.buffer, port.offset), port.bytes);
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
    if (nanoseconds && onCard_) waitForCard();
    if (nanoseconds) nanoseconds[i] += std::chrono::duration<double, std::nano>(Clock::now() - before).count();
  }
}

void Plan::runOnCard(double* nanoseconds) {
  if (nanoseconds || !started_) {
    runSteps(nullptr, nanoseconds);
    started_ = true;
    return;
  }
  if (!captured_) capture();
  onCard([&](const CudaTable& card, CudaFault* fault) { return card.replay(captured_, fault); });
}

void Plan::capture() {
  onCard([](const CudaTable& card, CudaFault* fault) { return card.beginCapture(fault); });
  const auto end = [&](const CudaTable& card, CudaFault* fault) { return card.endCapture(&captured_, fault); };
  try {
    for (Step& step : steps_) runStep(step.call);
  } catch (...) {
    CudaFault fault{};
    if (!end(*cudaLibrary().table, &fault)) cudaLibrary().table->freeCapture(captured_);
    captured_ = nullptr;
    throw;
  }
  onCard(end);
}

}  // namespace lowbit
