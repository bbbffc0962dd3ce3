// read_<op>(call): a call as the op's own struct.
#pragma once
#include "core/call.h"
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
  [[maybe_unused]] op##_call read_##op(const Call& call) {                                                                                \
    Reader reader{call};                                                                                                                  \
    return {LOWBIT_EACH(LOWBIT_TAKE_INPUT, LOWBIT_UNWRAP ins) call.output, LOWBIT_EACH(LOWBIT_TAKE_PARAM, LOWBIT_UNWRAP pars) call.kept}; \
  }
#define OP_ANY(op, ins, out, pars)                                                                                           \
  [[maybe_unused]] op##_call read_##op(const Call& call) {                                                                   \
    [[maybe_unused]] Reader reader{call};                                                                                    \
    return {Views{call.inputs, call.inputCount}, call.output, LOWBIT_EACH(LOWBIT_TAKE_PARAM, LOWBIT_UNWRAP pars) call.kept}; \
  }
#define KERNEL(op, device, needs, variant)
#include "ops.inc"
#undef OP
#undef OP_ANY
#undef KERNEL

}  // namespace
}  // namespace lowbit
