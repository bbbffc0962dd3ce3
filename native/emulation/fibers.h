// The turns of a block's threads (fibers.cc), as other files of the emulation see them.
#pragma once
#include <functional>

namespace lowbit::emulation {

// Where threads meet: the last of the `live` ones to come opens it for all.
struct Barrier {
  int live = 0, arrived = 0;
  unsigned opened = 0;

  void open() {
    arrived = 0;
    opened++;
  }
};

// Lets others run until the barrier is opened.
void waitFor(const Barrier& barrier);
// The number of this thread in its block.
int threadOf();
// Work that no thread does: in one launch of three it is done at once, in the others when no thread can go on.
void endLater(std::function<void()> work);
// A block of so many threads begins.
void beginWarpgroups(int threads);

}  // namespace lowbit::emulation
