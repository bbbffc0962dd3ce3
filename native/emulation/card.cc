// The card that is this CPU: its memory is the host's, and what is started has ended when the call returns.
#include "../cuda/card.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <new>

#include "../cuda/launch.h"

namespace lowbit {
namespace {

IndexNote note{};

}  // namespace

bool openCard(CudaCard& card, CudaFault&) {
  snprintf(card.name, sizeof card.name, "emulation on the CPU");
  card.capability = 80;
  card.multiprocessors = 4;
  card.bytes = uint64_t{4} << 30;
  return true;
}

void* takeCard(size_t bytes) {
  void* memory = bytes > (size_t{4} << 30) ? nullptr : aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (memory) memset(memory, 0xcd, bytes);
  return memory;
}
void giveCard(void* memory) { free(memory); }
void copyCard(void* to, const void* from, size_t bytes, CopyTo direction) {
  memcpy(to, from, bytes);
  if (direction != CopyTo::host || !note.written) return;
  const IndexNote read = note;
  note = {};
  throw faultOf(read);
}
void waitCard() {}
void fillCard(void* memory, int byte, size_t bytes) { memset(memory, byte, bytes); }
int cardMultiprocessors() { return 4; }
IndexNote* indexNote() { return &note; }

}  // namespace lowbit
