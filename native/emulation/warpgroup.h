// The instructions of cuda/warpgroup.cuh on the CPU. A load arrives at once or as late as it can; a product reads shared memory when its
// group is waited for, not before. So a wait that is missing, or for another phase, is a wrong result, a fault, or threads that wait for
// ever.
#pragma once
#include "device.h"

namespace lowbit {

namespace emulation {

uint32_t sharedOffset(const void* p);
void beginPhases(const void* barrier, int arrivals);
void arriveAt(const void* barrier, int bytes);
void waitPhase(const void* barrier, int parity);
void loadBox(void* to, const TensorMap& map, int k, int row, const void* barrier);
// The left bytes are signed, or not.
void queueProducts(int* sums, int columns, bool leftSigned, uint64_t a, uint64_t b, bool more);
void closeProducts();
void finishProducts(int pending);

}  // namespace emulation

inline unsigned char* tileShared() { return emulation::dynamicSharedMemory(); }
inline uint32_t sharedAddress(const void* p) { return emulation::sharedOffset(p); }

struct PhaseBarrier {
  uint64_t state;

  void begin(int arrivals) { emulation::beginPhases(this, arrivals); }
  void arrive() { emulation::arriveAt(this, 0); }
  void arriveExpecting(int bytes) { emulation::arriveAt(this, bytes); }
  void wait(int parity) { emulation::waitPhase(this, parity); }
};

inline void loadBox(void* to, const TensorMap& map, int k, int row, PhaseBarrier& arrived) {
  emulation::loadBox(to, map, k, row, &arrived);
}
inline void showToProducts() {}
template <int each> void leaveRegisters() {}
template <int each> void takeRegisters() {}
inline void beginProducts() {}
inline void commitProducts() { emulation::closeProducts(); }
template <int pending> void waitProducts() {
  emulation::finishProducts(pending);
  emulation::meetWarp();
}
template <int count> void finishProducts(int (&)[count]) { waitProducts<0>(); }
template <int count> void multiplyGroupS8S8(int (&sums)[count], uint64_t a, uint64_t b, bool more) {
  emulation::queueProducts(sums, 2 * count, true, a, b, more);
}
template <int count> void multiplyGroupU8S8(int (&sums)[count], uint64_t a, uint64_t b, bool more) {
  emulation::queueProducts(sums, 2 * count, false, a, b, more);
}

}  // namespace lowbit
