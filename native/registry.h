// The op table as data, and the walk over an op's rows.
#pragma once
#include <span>
#include <vector>

#include "core/call.h"
#include "cuda/api.h"

namespace lowbit {

struct Row {
  const char* op;
  Device device;
  Needs needs;
  const char* variant;
  bool (*kernel)(const void* call);  // of a row for processors; call is the op's call struct
  const CudaRow* card;               // of a row for graphics cards

  // Throws Fault where the CUDA library reports one.
  bool run(const void* call) const;
  bool runnable() const;
};

using Names = std::span<const char* const>;

struct Op {
  const char* name;
  bool anyInputs;  // inputs names one list of any length
  Names inputs;    // in the order of the table
  Names params;
  std::vector<Row> rows;  // best first; the last is the reference
};

const std::vector<Op>& ops();

// Runs the first runnable row of the call's device that does not decline, or only `row` when it is not negative.
// Returns the index of the row that ran, or -1 when none took the call.
int dispatch(const Op& op, const Call& call, int row);

}  // namespace lowbit
