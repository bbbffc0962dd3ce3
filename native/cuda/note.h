// The word that a kernel leaves of an index outside its tensor: rows cannot wait for it, so the next copy to the host throws it.
#pragma once
#include <stdint.h>

#include <string>

#include "../fault.h"

namespace lowbit {

struct IndexNote {
  unsigned written;
  int axis;
  int64_t index, position, size;
  char op[32];
};

// As the CPU's rows say it.
inline Fault faultOf(const IndexNote& note) {
  return {"data", std::string(note.op) + ": index " + std::to_string(note.index) + " at position " + std::to_string(note.position) +
                      " is outside axis " + std::to_string(note.axis) + ", which has " + std::to_string(note.size) + " elements"};
}

}  // namespace lowbit
