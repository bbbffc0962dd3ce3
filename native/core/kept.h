// What a kernel derives from the constant inputs of a call, packed weights for one, and keeps for the next call.
//
// A call that is made again and again (a step of a session) brings a Kept where every input is constant but the first, and those that
// the op streams (OpSpec in lib/op.ts). Other calls of the same Kept have the same row, parameters and constant inputs; of the others only
// the number of elements may differ: what is kept depends on nothing else, not on the number of threads either. Calls of one Kept never
// run at the same time.
#pragma once
#include <stdint.h>
#include <stdlib.h>

#include "view.h"

namespace lowbit {

struct Kept {
  char* memory;
  int64_t bytes;
  bool filled;
  int row;  // that filled it
};

namespace {

// Aligned memory for one call, with room to read past the end; null when there is none. The caller frees it: a destructor would
// need the exception tables' weak symbol.
INLINE char* allocateScratch(int64_t bytes) { return static_cast<char*>(aligned_alloc(64, static_cast<size_t>(bytes + 127) / 64 * 64)); }

// Memory that a kernel fills unless it is filled already: the call's Kept, or else a part of the working memory of this call.
struct Derived {
  char* memory;  // 64-byte aligned; null when there is none
  bool filled;
  Kept* kept;

  // Bytes of working memory that it takes.
  static INLINE int64_t working(const Kept* kept, int64_t bytes) { return kept ? 0 : (bytes + 63) / 64 * 64; }
  INLINE Derived(Kept* of, int64_t bytes, void* workingMemory) : memory(static_cast<char*>(workingMemory)), filled(false), kept(of) {
    if (!kept) return;
    if (!kept->memory) {
      kept->memory = allocateScratch(bytes);
      kept->bytes = kept->memory ? (bytes + 127) / 64 * 64 : 0;
    }
    memory = kept->memory;
    filled = kept->filled;
  }
  // When it has been filled.
  INLINE void done() const {
    if (kept) kept->filled = true;
  }
};

}  // namespace
}  // namespace lowbit
