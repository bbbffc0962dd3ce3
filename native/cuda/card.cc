// The card by way of the CUDA runtime: one stream in which everything happens in order, and memory that is taken and given back in it. A
// thread that writes down what it starts does so in a stream of its own, in which nothing runs.
#include "card.h"

#include <cuda_runtime.h>
#include <stdio.h>
#include <string.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "../fault.h"
#include "launch.h"

namespace lowbit {
namespace {

constexpr size_t kPiece = size_t{1} << 20;
constexpr int kPieces = 16;

[[noreturn]] void failed(cudaError_t status, const char* where) {
  cudaGetLastError();  // of this call; one that broke the context stays
  throw Fault(status == cudaErrorMemoryAllocation ? "out-of-memory" : "cuda", std::string(where) + ": " + cudaGetErrorString(status));
}

void check(cudaError_t status, const char* where) {
  if (status != cudaSuccess) failed(status, where);
}

// Pinned memory that copies to the card pass through, in pieces that are taken in turn: the host goes on while others are on their way, or
// wait for what was started before. A step of training makes a few small copies, so it waits for none of the step before.
class Staging {
 public:
  void toCard(char* to, const char* from, size_t bytes, cudaStream_t stream) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (size_t done = 0; done < bytes; done += kPiece) {
      const size_t part = bytes - done < kPiece ? bytes - done : kPiece;
      Piece& piece = pieces_[turn_];
      turn_ = (turn_ + 1) % kPieces;
      if (!piece.memory) {
        check(cudaMallocHost(&piece.memory, kPiece), "pinned memory");
        check(cudaEventCreateWithFlags(&piece.sent, cudaEventDisableTiming), "an event");
      } else {
        check(cudaEventSynchronize(piece.sent), "a copy to the card");
      }
      memcpy(piece.memory, from + done, part);
      check(cudaMemcpyAsync(to + done, piece.memory, part, cudaMemcpyHostToDevice, stream), "a copy to the card");
      check(cudaEventRecord(piece.sent, stream), "an event");
    }
  }

 private:
  struct Piece {
    void* memory = nullptr;
    cudaEvent_t sent = nullptr;
  };
  std::mutex mutex_;
  Piece pieces_[kPieces];
  int turn_ = 0;
};

// Pinned memory for numbers on their way to the host.
struct Fetched {
  char* memory = nullptr;
  IndexNote* note = nullptr;
  cudaEvent_t arrived = nullptr;
};

class Fetches {
 public:
  Fetched* take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!free_.empty()) {
      Fetched* fetched = free_.back();
      free_.pop_back();
      return fetched;
    }
    auto fetched = std::make_unique<Fetched>();
    check(cudaMallocHost(&fetched->memory, kFetchBytes + sizeof(IndexNote)), "pinned memory");
    fetched->note = reinterpret_cast<IndexNote*>(fetched->memory + kFetchBytes);
    check(cudaEventCreateWithFlags(&fetched->arrived, cudaEventDisableTiming), "an event");
    return fetched.release();
  }
  void give(Fetched* fetched) {
    const std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(fetched);
  }

 private:
  std::mutex mutex_;
  std::vector<Fetched*> free_;
};

// What was written down, and the pinned memory that its copies from the host read each time.
struct Captured {
  cudaStream_t stream = nullptr;
  cudaGraphExec_t graph = nullptr;
  std::vector<void*> sources;

  ~Captured() {
    if (graph) cudaGraphExecDestroy(graph);
    for (void* source : sources) cudaFreeHost(source);
    if (stream) cudaStreamDestroy(stream);
  }
};

thread_local std::unique_ptr<Captured> capturing;

struct Context {
  cudaStream_t stream = nullptr;
  Staging staging;
  Fetches fetches;
  int multiprocessors = 0;
  IndexNote* note = nullptr;          // on the card
  std::atomic<bool> mayNote = false;  // since a kernel that can was first started

  Context() {
    check(cudaSetDevice(0), "the graphics card");
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "a stream");
    cudaMemPool_t pool;
    check(cudaDeviceGetDefaultMemPool(&pool, 0), "the memory pool");
    uint64_t all = UINT64_MAX;  // what is given back stays ours for the next call
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all), "the memory pool");
    check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0), "the graphics card");
    check(cudaMallocAsync(&note, sizeof *note, stream), "memory of the card");
    check(cudaMemsetAsync(note, 0, sizeof *note, stream), "a fill");
  }
};

// Made when the first tensor comes, and never destroyed: the driver may be gone when static destructors run.
Context& context() {
  static Context* made = new Context;
  return *made;
}

cudaStream_t stream() { return capturing ? capturing->stream : context().stream; }

// Throws what a kernel has noted.
void heedNote(const IndexNote& note) {
  if (!note.written) return;
  check(cudaMemsetAsync(context().note, 0, sizeof note, context().stream), "a fill");
  throw faultOf(note);
}

void writeDownCopy(void* to, const void* from, size_t bytes) {
  void* source;
  check(cudaMallocHost(&source, bytes), "pinned memory");
  capturing->sources.push_back(source);
  memcpy(source, from, bytes);
  check(cudaMemcpyAsync(to, source, bytes, cudaMemcpyHostToDevice, stream()), "a copy to the card");
}

void* takeOnce(size_t bytes) {
  void* memory = nullptr;
  if (cudaMallocAsync(&memory, bytes ? bytes : 1, stream()) == cudaSuccess) return memory;
  cudaGetLastError();
  return nullptr;
}

bool refused(CudaFault& fault, const std::string& why) {
  snprintf(fault.code, sizeof fault.code, "cuda");
  snprintf(fault.text, sizeof fault.text, "%s", why.c_str());
  return false;
}

std::string dotted(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

}  // namespace

bool openCard(CudaCard& card, CudaFault& fault) {
  int driver = 0, runtime = 0, count = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (driver == 0) return refused(fault, "there is no NVIDIA driver, the kernels need 580 or newer");
  if (driver / 1000 < runtime / 1000)
    return refused(fault, "the NVIDIA driver knows CUDA " + dotted(driver) + ", these kernels need " + dotted(runtime / 1000 * 1000) +
                              ": driver 580 or newer");
  if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0)
    return refused(fault, "there is a driver, but no graphics card that it lets us use");
  cudaDeviceProp found;
  if (cudaGetDeviceProperties(&found, 0) != cudaSuccess) return refused(fault, "the graphics card does not answer");
  snprintf(card.name, sizeof card.name, "%.95s", found.name);
  card.capability = found.major * 10 + found.minor;
  card.multiprocessors = found.multiProcessorCount;
  card.bytes = found.totalGlobalMem;
  if (card.capability < 80)
    return refused(fault, std::string(found.name) + " has compute capability " + std::to_string(found.major) + "." +
                              std::to_string(found.minor) + ", the kernels need 8.0");
  return true;
}

void* takeCard(size_t bytes) {
  void* memory = takeOnce(bytes);
  if (memory || capturing) return memory;
  // What was given back may still be ours in pieces, or that of graphs.
  cudaMemPool_t pool;
  cudaStreamSynchronize(context().stream);
  if (cudaDeviceGetDefaultMemPool(&pool, 0) == cudaSuccess) cudaMemPoolTrimTo(pool, 0);
  cudaDeviceGraphMemTrim(0);
  cudaGetLastError();
  return takeOnce(bytes);
}
void giveCard(void* memory) { cudaFreeAsync(memory, stream()); }

void copyCard(void* to, const void* from, size_t bytes, CopyTo direction) {
  Context& card = context();
  if (direction == CopyTo::card) {
    if (capturing) writeDownCopy(to, from, bytes);
    else card.staging.toCard(static_cast<char*>(to), static_cast<const char*>(from), bytes, card.stream);
    return;
  }
  const auto kind = direction == CopyTo::host ? cudaMemcpyDeviceToHost : cudaMemcpyDeviceToDevice;
  check(cudaMemcpyAsync(to, from, bytes, kind, stream()), "a copy from the card");
  if (direction == CopyTo::sameCard) return;
  IndexNote note{};
  if (card.mayNote) check(cudaMemcpyAsync(&note, card.note, sizeof note, kind, card.stream), "a copy from the card");
  waitCard();
  heedNote(note);
}
void waitCard() { check(cudaStreamSynchronize(stream()), "the graphics card"); }
void fillCard(void* memory, int byte, size_t bytes) { check(cudaMemsetAsync(memory, byte, bytes, stream()), "a fill"); }

void* fetchCard(const void* from, size_t bytes) {
  Context& card = context();
  Fetched* fetched = card.fetches.take();
  check(cudaMemcpyAsync(fetched->memory, from, bytes, cudaMemcpyDeviceToHost, card.stream), "a copy from the card");
  *fetched->note = {};
  if (card.mayNote)
    check(cudaMemcpyAsync(fetched->note, card.note, sizeof(IndexNote), cudaMemcpyDeviceToHost, card.stream), "a copy from the card");
  check(cudaEventRecord(fetched->arrived, card.stream), "an event");
  return fetched;
}
void collectCard(void* handle, void* to, size_t bytes) {
  auto* fetched = static_cast<Fetched*>(handle);
  const cudaError_t status = to ? cudaEventSynchronize(fetched->arrived) : cudaSuccess;
  if (to) memcpy(to, fetched->memory, bytes);
  const IndexNote note = *fetched->note;
  context().fetches.give(fetched);
  check(status, "the graphics card");
  if (to) heedNote(note);
}

// Relaxed: pinned memory may be taken meanwhile, and kernels that are new to the card loaded.
void beginCapture() {
  context();
  auto begun = std::make_unique<Captured>();
  check(cudaStreamCreateWithFlags(&begun->stream, cudaStreamNonBlocking), "a stream");
  check(cudaStreamBeginCapture(begun->stream, cudaStreamCaptureModeRelaxed), "a CUDA graph");
  capturing = std::move(begun);
}
void* endCapture() {
  std::unique_ptr<Captured> ended = std::move(capturing);
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(ended->stream, &graph), "a CUDA graph");
  const cudaError_t status = cudaGraphInstantiate(&ended->graph, graph, 0);
  cudaGraphDestroy(graph);
  check(status, "a CUDA graph");
  return ended.release();
}
void replay(void* captured) { check(cudaGraphLaunch(static_cast<Captured*>(captured)->graph, context().stream), "a CUDA graph"); }
void freeCapture(void* captured) {
  cudaStreamSynchronize(context().stream);  // it may be running
  delete static_cast<Captured*>(captured);
}

int cardMultiprocessors() { return context().multiprocessors; }
IndexNote* indexNote() {
  context().mayNote = true;
  return context().note;
}

void start(const void* kernel, const Launch& launch, void** arguments) {
  if (launch.shared > (size_t{48} << 10))
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(launch.shared)),
          "shared memory of a kernel");
  check(cudaLaunchKernel(kernel, launch.grid, launch.block, arguments, launch.shared, stream()), "a kernel");
}

}  // namespace lowbit
