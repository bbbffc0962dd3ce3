// The card by way of the CUDA runtime: one stream in which everything happens in order, and memory that is taken and given back in it.
#include "card.h"

#include <cuda_runtime.h>
#include <stdio.h>
#include <string.h>

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "../fault.h"
#include "launch.h"

namespace lowbit {
namespace {

constexpr size_t kStaging = size_t{4} << 20;

[[noreturn]] void failed(cudaError_t status, const char* where) {
  cudaGetLastError();  // of this call; one that broke the context stays
  throw Fault(status == cudaErrorMemoryAllocation ? "out-of-memory" : "cuda", std::string(where) + ": " + cudaGetErrorString(status));
}

void check(cudaError_t status, const char* where) {
  if (status != cudaSuccess) failed(status, where);
}

// Pinned memory that copies to the card pass through, two halves in turn, so that the host goes on while the other half is on its way.
class Staging {
 public:
  void toCard(char* to, const char* from, size_t bytes, cudaStream_t stream) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (size_t done = 0; done < bytes; done += kStaging) {
      const size_t part = bytes - done < kStaging ? bytes - done : kStaging;
      Half& half = halves_[turn_];
      turn_ ^= 1;
      if (!half.memory) {
        check(cudaMallocHost(&half.memory, kStaging), "pinned memory");
        check(cudaEventCreateWithFlags(&half.sent, cudaEventDisableTiming), "an event");
      } else {
        check(cudaEventSynchronize(half.sent), "a copy to the card");
      }
      memcpy(half.memory, from + done, part);
      check(cudaMemcpyAsync(to + done, half.memory, part, cudaMemcpyHostToDevice, stream), "a copy to the card");
      check(cudaEventRecord(half.sent, stream), "an event");
    }
  }

 private:
  struct Half {
    void* memory = nullptr;
    cudaEvent_t sent = nullptr;
  };
  std::mutex mutex_;
  Half halves_[2];
  int turn_ = 0;
};

struct Context {
  cudaStream_t stream = nullptr;
  Staging staging;
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
  if (driver == 0) return refused(fault, "there is no NVIDIA driver");
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
  void* memory = nullptr;
  if (cudaMallocAsync(&memory, bytes ? bytes : 1, context().stream) == cudaSuccess) return memory;
  cudaGetLastError();
  return nullptr;
}
void giveCard(void* memory) { cudaFreeAsync(memory, context().stream); }

void copyCard(void* to, const void* from, size_t bytes, CopyTo direction) {
  Context& card = context();
  if (direction == CopyTo::card) return card.staging.toCard(static_cast<char*>(to), static_cast<const char*>(from), bytes, card.stream);
  const auto kind = direction == CopyTo::host ? cudaMemcpyDeviceToHost : cudaMemcpyDeviceToDevice;
  check(cudaMemcpyAsync(to, from, bytes, kind, card.stream), "a copy from the card");
  if (direction == CopyTo::sameCard) return;
  IndexNote note{};
  if (card.mayNote) check(cudaMemcpyAsync(&note, card.note, sizeof note, kind, card.stream), "a copy from the card");
  waitCard();
  if (!note.written) return;
  fillCard(card.note, 0, sizeof note);
  throw faultOf(note);
}
void waitCard() { check(cudaStreamSynchronize(context().stream), "the graphics card"); }
void fillCard(void* memory, int byte, size_t bytes) { check(cudaMemsetAsync(memory, byte, bytes, context().stream), "a fill"); }
int cardMultiprocessors() { return context().multiprocessors; }
IndexNote* indexNote() {
  context().mayNote = true;
  return context().note;
}

void start(const void* kernel, const Launch& launch, void** arguments) {
  if (launch.shared > (size_t{48} << 10))
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(launch.shared)),
          "shared memory of a kernel");
  check(cudaLaunchKernel(kernel, launch.grid, launch.block, arguments, launch.shared, context().stream), "a kernel");
}

}  // namespace lowbit
