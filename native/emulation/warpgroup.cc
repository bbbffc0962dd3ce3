// Barriers with phases, tensor maps and products of warpgroups, as cuda/warpgroup.cuh uses them. What a card would do wrong without a word
// is an exception here.
#include "../cuda/warpgroup.cuh"

#include <map>
#include <stdexcept>
#include <vector>

#include "fibers.h"

namespace lowbit {
namespace emulation {
namespace {

struct Phases {
  Barrier barrier;  // its `live` is the number of arrivals of a phase
  int bytes = 0;    // announced, less those that have come
};

struct Products {
  int* sums;
  int columns;
  bool leftSigned, more;
  uint64_t a, b;
};

// Of a thread: groups that are closed, and the one that is not.
struct Queue {
  std::vector<std::vector<Products>> groups;
  std::vector<Products> open;
};

struct Matrix {
  const unsigned char* data;
  int64_t depth, rows;
  int boxRows;
};

std::map<const void*, Phases> phases;
std::vector<Queue> queues;

Phases& phasesOf(const void* barrier) {
  const auto found = phases.find(barrier);
  if (found == phases.end()) throw std::logic_error("a barrier is used before it begins");
  return found->second;
}
void endPhase(Phases& at) {
  if (at.barrier.arrived == at.barrier.live && at.bytes == 0) at.barrier.open();
}
void checkAligned(uint32_t address, uint32_t alignment) {
  if (address % alignment) throw std::logic_error("a tile or barrier at an address that cards refuse");
}

unsigned char* sharedAt(uint32_t offset) {
  unsigned char* const place = dynamicSharedMemory() + offset;
  sharedOffset(place);
  return place;
}

// The swizzle of 128 bytes: which chunk of 16 of its line, by the line's number among eight.
uint32_t swizzled(uint32_t address) { return address ^ (address >> 3 & 0x70); }

// Bytes 0 to 31 of a row of the tile that a descriptor describes.
template <class Code> struct TileRow {
  Code bytes[32];

  TileRow(uint64_t tile, int row) {
    if (tile >> 62 != 1) throw std::logic_error("a tile of another layout");
    const uint32_t start = static_cast<uint32_t>(tile & 0x3fff) << 4, eightRows = static_cast<uint32_t>(tile >> 32 & 0x3fff) << 4;
    const uint32_t n = static_cast<uint32_t>(row), first = start + n / 8 * eightRows + n % 8 * 128;
    for (uint32_t chunk = 0; chunk < 2; chunk++) memcpy(bytes + chunk * 16, sharedAt(swizzled(first + chunk * 16)), 16);
  }
};

template <class Left> void multiply(const Products& products, int thread) {
  const int lane = thread % 32, firstRow = thread % 128 / 32 * 16 + lane / 4;
  const TileRow<Left> left[2] = {TileRow<Left>(products.a, firstRow), TileRow<Left>(products.a, firstRow + 8)};
  for (int i = 0; i < products.columns / 2; i += 4)
    for (int e = 0; e < 2; e++) {
      const TileRow<int8_t> right(products.b, i * 2 + lane % 4 * 2 + e);
      for (int half = 0; half < 2; half++) {
        int& sum = products.sums[i + half * 2 + e];
        int more = 0;
        for (int k = 0; k < 32; k++) more += left[half].bytes[k] * right.bytes[k];
        sum = static_cast<int>((products.more ? static_cast<unsigned>(sum) : 0) + static_cast<unsigned>(more));
      }
    }
}

Queue& queueOfThread() { return queues[static_cast<size_t>(threadOf())]; }

}  // namespace

void beginWarpgroups(int threads) {
  phases.clear();
  queues.assign(static_cast<size_t>(threads), {});
}

void beginPhases(const void* barrier, int arrivals) {
  checkAligned(sharedOffset(barrier), 8);
  phases[barrier] = {{arrivals, 0, 0}, 0};
}
void arriveAt(const void* barrier, int bytes) {
  Phases& at = phasesOf(barrier);
  if (++at.barrier.arrived > at.barrier.live) throw std::logic_error("more arrivals at a barrier than it was begun for");
  at.bytes += bytes;
  endPhase(at);
}
void waitPhase(const void* barrier, int parity) {
  const Barrier& at = phasesOf(barrier).barrier;
  while (static_cast<int>(at.opened & 1) == parity) waitFor(at);
}

void loadBox(void* to, const TensorMap& map, int k, int row, const void* barrier) {
  Matrix matrix;
  memcpy(&matrix, map.words, sizeof matrix);
  const uint32_t start = sharedOffset(to);
  checkAligned(start, 1024);
  Phases& arrived = phasesOf(barrier);
  endLater([=, &arrived] {
    for (int r = 0; r < matrix.boxRows; r++)
      for (int at = 0; at < kBoxBytes; at += 16) {
        unsigned char* chunk = sharedAt(swizzled(start + static_cast<uint32_t>(r * kBoxBytes + at)));
        const bool inside = row + r >= 0 && row + r < matrix.rows && k + at >= 0 && k + at < matrix.depth;
        if (inside) memcpy(chunk, matrix.data + (row + r) * matrix.depth + k + at, 16);
        else memset(chunk, 0, 16);
      }
    arrived.bytes -= matrix.boxRows * kBoxBytes;
    if (arrived.bytes < 0) throw std::logic_error("more bytes at a barrier than were announced");
    endPhase(arrived);
  });
}

void queueProducts(int* sums, int columns, bool leftSigned, uint64_t a, uint64_t b, bool more) {
  queueOfThread().open.push_back({sums, columns, leftSigned, more, a, b});
}
void closeProducts() {
  Queue& queue = queueOfThread();
  queue.groups.push_back(std::move(queue.open));
  queue.open.clear();
}
void finishProducts(int pending) {
  auto& groups = queueOfThread().groups;
  while (groups.size() > static_cast<size_t>(pending)) {
    for (const Products& products : groups.front()) (products.leftSigned ? multiply<int8_t> : multiply<uint8_t>)(products, threadOf());
    groups.erase(groups.begin());
  }
}

}  // namespace emulation

TensorMap tensorMapOf(const void* data, int64_t depth, int64_t rows, int boxRows) {
  if (reinterpret_cast<uintptr_t>(data) % 16 || depth % 16 || depth <= 0 || rows <= 0 || rows > UINT32_MAX || boxRows < 1 || boxRows > 256)
    throw std::logic_error("a tensor map that drivers refuse");
  const emulation::Matrix matrix{static_cast<const unsigned char*>(data), depth, rows, boxRows};
  TensorMap map{};
  static_assert(sizeof matrix <= sizeof map.words);
  memcpy(map.words, &matrix, sizeof matrix);
  return map;
}

}  // namespace lowbit
