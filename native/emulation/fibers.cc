// The turns of a block's threads. A fiber is a stack of its own; switching saves what the calling convention asks a function to keep.
#include "fibers.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <utility>
#include <vector>

#include "device.h"

// lowbitSwitch(save, load): leaves this stack, whose pointer goes to *save, for the one that `load` points into.
extern "C" void lowbitSwitch(void** save, void* load);
asm(R"(
.text
.globl lowbitSwitch
.hidden lowbitSwitch
.type lowbitSwitch, @function
lowbitSwitch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size lowbitSwitch, .-lowbitSwitch
)");

namespace lowbit::emulation {

dim3 threadIndex, blockIndex, blockSize, gridSize;

namespace {

constexpr size_t kStack = 128 << 10, kShared = 227 << 10, kAlignment = 1024;

struct Warp {
  Barrier barrier;
  uint32_t live = 0;
  char slots[32][kExchange];
};

struct Copy {
  void* to;
  const void* from;  // nullptr: zeros
  size_t bytes;
};

struct Fiber {
  std::vector<char> stack = std::vector<char>(kStack);
  void* pointer = nullptr;
  bool done = false;
  const Barrier* waits = nullptr;
  unsigned seen = 0;
  std::vector<std::vector<Copy>> groups;
  std::vector<Copy> open;
};

// What runs now; one launch at a time in the process.
std::mutex oneLaunch;
std::vector<Fiber> fibers;
std::vector<Warp> warps;
Barrier block;
std::map<const void*, size_t> arrays;
std::vector<char> sharedMemory(kShared + kAlignment);
std::vector<std::function<void()>> underWay;
std::exception_ptr failure;
size_t sharedUsed;
int current;
void* scheduler;
const std::function<void()>* body;
unsigned launches;

void place(int i) {
  current = i;
  const unsigned n = static_cast<unsigned>(i);
  threadIndex = dim3(n % blockSize.x, n / blockSize.x % blockSize.y, n / blockSize.x / blockSize.y);
}

void leave() {
  const int me = current;
  lowbitSwitch(&fibers[static_cast<size_t>(me)].pointer, scheduler);
  place(me);
}

void endOf(Barrier& barrier) {
  if (--barrier.live > 0 && barrier.arrived == barrier.live) barrier.open();
}

[[noreturn]] void entry() {
  try {
    (*body)();
  } catch (...) {
    failure = std::current_exception();
  }
  fibers[static_cast<size_t>(current)].done = true;
  Warp& warp = warps[static_cast<size_t>(current / 32)];
  warp.live &= ~(1u << current % 32);
  endOf(warp.barrier);
  endOf(block);
  lowbitSwitch(&fibers[static_cast<size_t>(current)].pointer, scheduler);
  std::abort();
}

void meet(Barrier& barrier) {
  if (++barrier.arrived == barrier.live) barrier.open();
  else waitFor(barrier);
}

unsigned char* alignedShared() {
  return reinterpret_cast<unsigned char*>((reinterpret_cast<uintptr_t>(sharedMemory.data()) + kAlignment - 1) / kAlignment * kAlignment);
}

// The last that was started first.
bool endOneUnderWay() {
  if (underWay.empty()) return false;
  const std::function<void()> work = std::move(underWay.back());
  underWay.pop_back();
  work();
  return true;
}

void beginThread(Fiber& fiber) {
  const uintptr_t top = (reinterpret_cast<uintptr_t>(fiber.stack.data()) + kStack) / 16 * 16;
  void** stack = reinterpret_cast<void**>(top) - 2;  // as after a call: the stack pointer is 8 off a multiple of 16 when entry() begins
  *stack = reinterpret_cast<void*>(&entry);
  fiber.pointer = stack - 6;
  fiber.done = false;
  fiber.waits = nullptr;
  fiber.groups.clear();
  fiber.open.clear();
}

void runBlock(const std::vector<int>& order, size_t dynamic) {
  const int count = static_cast<int>(order.size());
  memset(sharedMemory.data(), 0xcd, sharedMemory.size());
  arrays.clear();
  sharedUsed = (dynamic + 127) / 128 * 128;
  block = {count, 0, 0};
  underWay.clear();
  beginWarpgroups(count);
  warps.assign(static_cast<size_t>(count + 31) / 32, Warp());
  for (int i = 0; i < count; i++) {
    Warp& warp = warps[static_cast<size_t>(i / 32)];
    warp.barrier.live++;
    warp.live |= 1u << i % 32;
    beginThread(fibers[static_cast<size_t>(i)]);
  }
  for (int left = count; left;) {
    bool moved = false;
    for (int i : order) {
      Fiber& fiber = fibers[static_cast<size_t>(i)];
      if (fiber.done || (fiber.waits && fiber.waits->opened == fiber.seen)) continue;
      moved = true;
      place(i);
      lowbitSwitch(&scheduler, fiber.pointer);
      left -= fiber.done;
      if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
    }
    if (!moved && !endOneUnderWay()) {
      throw std::logic_error("threads of a block wait at different barriers, or for what does not come");
    }
  }
  if (!underWay.empty()) throw std::logic_error("a block ends before what it loads has arrived");
}

// Forwards, backwards, shuffled, in turn.
std::vector<int> nextOrder(int count) {
  std::vector<int> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  const unsigned kind = launches++ % 3;
  if (kind == 1) return {order.rbegin(), order.rend()};
  if (kind == 0) return order;
  uint32_t state = launches * 2654435761u | 1;
  for (size_t i = order.size(); i > 1; i--) {
    state = state * 1664525u + 1013904223u;
    std::swap(order[i - 1], order[(state >> 8) % i]);
  }
  return order;
}

}  // namespace

void waitFor(const Barrier& barrier) {
  Fiber& fiber = fibers[static_cast<size_t>(current)];
  fiber.waits = &barrier;
  fiber.seen = barrier.opened;
  leave();
  fiber.waits = nullptr;
}
int threadOf() { return current; }
void endLater(std::function<void()> work) {
  if (launches % 3 == 1) work();
  else underWay.push_back(std::move(work));
}

void* sharedArray(const void* key, size_t bytes) {
  const auto [found, fresh] = arrays.try_emplace(key, sharedUsed);
  if (fresh) {
    sharedUsed += (bytes + 15) / 16 * 16;
    if (sharedUsed > kShared) throw std::logic_error("a kernel asks for more shared memory than there is");
  }
  return alignedShared() + found->second;
}
unsigned char* dynamicSharedMemory() { return alignedShared(); }
uint32_t sharedOffset(const void* p) {
  const ptrdiff_t offset = static_cast<const unsigned char*>(p) - alignedShared();
  if (offset < 0 || offset >= static_cast<ptrdiff_t>(kShared)) throw std::logic_error("an address outside of shared memory");
  return static_cast<uint32_t>(offset);
}
void meetBlock() { meet(block); }
void meetWarp() { meet(warps[static_cast<size_t>(current / 32)].barrier); }
int laneOf() { return current % 32; }
uint32_t liveLanes() { return warps[static_cast<size_t>(current / 32)].live; }

void exchange(const void* value, size_t bytes) {
  memcpy(warps[static_cast<size_t>(current / 32)].slots[current % 32], value, bytes);
  meetWarp();
}
const char* slots() { return warps[static_cast<size_t>(current / 32)].slots[0]; }

void queueCopy(void* to, const void* from, size_t bytes) { fibers[static_cast<size_t>(current)].open.push_back({to, from, bytes}); }
void closeGroup() {
  Fiber& fiber = fibers[static_cast<size_t>(current)];
  fiber.groups.push_back(std::move(fiber.open));
  fiber.open.clear();
}
void deliver(int pending) {
  auto& groups = fibers[static_cast<size_t>(current)].groups;
  while (groups.size() > static_cast<size_t>(pending)) {
    for (const Copy& copy : groups.front()) {
      if (copy.from) memcpy(copy.to, copy.from, copy.bytes);
      else memset(copy.to, 0, copy.bytes);
    }
    groups.erase(groups.begin());
  }
}

void launch(dim3 grid, dim3 threads, size_t shared, const std::function<void()>& thread) {
  const std::lock_guard<std::mutex> lock(oneLaunch);
  const size_t count = static_cast<size_t>(threads.x) * threads.y * threads.z;
  if (!count || count > 1024 || !grid.x || !grid.y || !grid.z || grid.y > 65535 || grid.z > 65535 || shared > kShared)
    throw std::logic_error("a kernel is started with a grid or block that cards refuse");
  if (fibers.size() < count) fibers.resize(count);
  gridSize = grid;
  blockSize = threads;
  body = &thread;
  const std::vector<int> order = nextOrder(static_cast<int>(count));
  for (unsigned z = 0; z < grid.z; z++)
    for (unsigned y = 0; y < grid.y; y++)
      for (unsigned x = 0; x < grid.x; x++) {
        blockIndex = dim3(x, y, z);
        runBlock(order, shared);
      }
}

}  // namespace lowbit::emulation
