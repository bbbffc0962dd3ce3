// What a kernel derives from the constant inputs of a call, packed weights for one, and keeps for the next call.
//
// A call that is made again and again (a step of a session) brings a Kept where every input is constant but the first, and those that
// the op streams (OpSpec in lib/op.ts). Other calls of the same Kept have the same row, parameters and constant inputs; of the others only
// the number of elements may differ: what is kept depends on nothing else, not on the number of threads either. Calls of one Kept never
// run at the same time.
#pragma once
#include <stdint.h>
#include <stdlib.h>

#include "pages.h"
#include "view.h"

namespace lowbit {

struct Kept {
  struct Part {
    char* memory;
    int64_t bytes;
    bool filled;
  };
  Part parts[2];  // a kernel with two ways through a call keeps something for each
  int row;        // that filled them

  bool filled() const { return parts[0].filled || parts[1].filled; }
};

namespace {

// Aligned memory for one call, with room to read past the end; null when there is none. The caller frees it: a destructor would
// need the exception tables' weak symbol.
INLINE char* allocateScratch(int64_t bytes) { return static_cast<char*>(aligned_alloc(64, static_cast<size_t>(bytes + 127) / 64 * 64)); }

// Memory that a kernel fills unless it is filled already: the call's Kept, or else a part of the working memory of this call.
struct Derived {
  char* memory;  // 64-byte aligned; null when there is none
  bool filled;
  Kept::Part* kept;

  // Bytes of working memory that it takes.
  static INLINE int64_t working(const Kept* kept, int64_t bytes) { return kept ? 0 : (bytes + 63) / 64 * 64; }
  INLINE Derived(Kept* of, int64_t bytes, void* workingMemory, int part = 0)
      : memory(static_cast<char*>(workingMemory)), filled(false), kept(of ? &of->parts[part] : nullptr) {
    if (!kept) return;
    if (!kept->memory) {
      kept->memory = static_cast<char*>(alignedBytes(static_cast<size_t>(bytes + 127) / 64 * 64));
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
