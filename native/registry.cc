#include "registry.h"

#include <cstring>

#include "core/check.h"
#include "op.h"

namespace lowbit {
namespace {

// Hands out a call's inputs, output and params in the order of the struct that op.h declared.
struct Reader {
  const Call& call;
  int input = 0, param = 0, given = 0;
  View takeInput() { return call.inputs[input++]; }
  Param takeParam() { return call.params[param++]; }
};

#define LOWBIT_TAKE_INPUT(name) reader.takeInput(),
#define LOWBIT_TAKE_PARAM(name) reader.takeParam(),
#define OP(op, ins, out, pars)                                                                                                            \
  op##_call read_##op(const Call& call) {                                                                                                 \
    Reader reader{call};                                                                                                                  \
    return {LOWBIT_EACH(LOWBIT_TAKE_INPUT, LOWBIT_UNWRAP ins) call.output, LOWBIT_EACH(LOWBIT_TAKE_PARAM, LOWBIT_UNWRAP pars) call.kept}; \
  }
#define OP_ANY(op, ins, out, pars)                                                                                           \
  op##_call read_##op(const Call& call) {                                                                                    \
    [[maybe_unused]] Reader reader{call};                                                                                    \
    return {Views{call.inputs, call.inputCount}, call.output, LOWBIT_EACH(LOWBIT_TAKE_PARAM, LOWBIT_UNWRAP pars) call.kept}; \
  }
#define KERNEL(op, device, needs, variant)
#include "ops.inc"
#undef OP
#undef OP_ANY
#undef KERNEL

#define LOWBIT_NAME(name) #name,
std::vector<Op> build() {
  std::vector<Op> ops = {
#define OP(op, ins, out, pars) \
  {#op, false, {LOWBIT_EACH(LOWBIT_NAME, LOWBIT_UNWRAP ins)}, {LOWBIT_EACH(LOWBIT_NAME, LOWBIT_UNWRAP pars)}, {}},
#define OP_ANY(op, ins, out, pars) \
  {#op, true, {LOWBIT_EACH(LOWBIT_NAME, LOWBIT_UNWRAP ins)}, {LOWBIT_EACH(LOWBIT_NAME, LOWBIT_UNWRAP pars)}, {}},
#define KERNEL(op, device, needs, variant)
#include "ops.inc"
#undef OP
#undef OP_ANY
#undef KERNEL
  };
  const Row rows[] = {
#define OP(op, ins, out, pars)
#define OP_ANY(op, ins, out, pars)
#define KERNEL(op, device, needs, variant) \
  {#op, Device::device, Needs::needs, #variant, [](const Call& call) { return op##_##variant(read_##op(call)); }},
#include "ops.inc"
#undef OP
#undef OP_ANY
#undef KERNEL
  };
  for (const Row& row : rows)
    for (Op& op : ops)
      if (!std::strcmp(op.name, row.op)) op.rows.push_back(row);
  return ops;
}

}  // namespace

const std::vector<Op>& ops() {
  static const std::vector<Op>* table = new std::vector<Op>(build());
  return *table;
}

int dispatch(const Op& op, const Call& call, int row) {
  EXPECT(op.anyInputs || call.inputCount == static_cast<int>(op.inputs.size()));
  const int count = static_cast<int>(op.rows.size());
  if (row >= count) return -1;
  for (int i = row < 0 ? 0 : row; i < (row < 0 ? count : row + 1); i++)
    if (op.rows[i].runnable() && op.rows[i].run(call)) return i;
  return -1;
}

}  // namespace lowbit
