// The op table as data, and the walk over an op's rows.
#pragma once
#include <span>
#include <vector>

#include "core/kept.h"
#include "core/view.h"
#include "cpu/features.h"

namespace lowbit {

enum class Device { cpu, cuda };

// What arrives from outside, before it becomes the op's own call struct.
struct Call {
  const View* inputs;
  int inputCount;
  View output;
  const Param* params;
  Kept* kept;
};

struct Row {
  const char* op;
  Device device;
  Needs needs;
  const char* variant;
  bool (*run)(const void* call);  // the op's call struct

  bool runnable() const { return device == Device::cpu && cpuHas(needs); }
};

using Names = std::span<const char* const>;

struct Op {
  const char* name;
  bool anyInputs;  // inputs names one list of any length
  Names inputs;    // in the order of the table
  Names params;
  std::span<const Row> rows;  // best first; the last is the reference
};

const std::vector<Op>& ops();

// Runs the first runnable row that does not decline, or only `row` when it is not negative.
// Returns the index of the row that ran, or -1 when none took the call.
int dispatch(const Op& op, const Call& call, int row);

}  // namespace lowbit
