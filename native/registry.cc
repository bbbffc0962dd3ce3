#include "registry.h"

#include <cstring>

#include "core/check.h"
#include "cpu/features.h"
#include "cuda/library.h"
#include "fault.h"
#include "reader.h"

namespace lowbit {
namespace {

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
  {#op, Device::device, Needs::needs, #variant, [](const Call& call) { return op##_##variant(read_##op(call)); }, nullptr},
#include "ops.inc"
#undef OP
#undef OP_ANY
#undef KERNEL
  };
  const auto add = [&](const Row& row) {
    for (Op& op : ops)
      if (!std::strcmp(op.name, row.op)) op.rows.push_back(row);
  };
  const CudaTable* cuda = cudaLibrary().table;
  for (int i = 0; cuda && i < cuda->rowCount; i++) {
    const CudaRow& row = cuda->rows[i];
    add({row.op, Device::cuda, row.needs, row.variant, nullptr, &row});
  }
  for (const Row& row : rows) add(row);
  return ops;
}

}  // namespace

const std::vector<Op>& ops() {
  static const std::vector<Op>* table = new std::vector<Op>(build());
  return *table;
}

bool Row::runnable() const {
  if (device == Device::cpu) return cpuHas(needs);
  if (!cudaLibrary().usable()) return false;
  const int capability = cudaLibrary().card.capability;
  return needs == Needs::sm90a ? capability == 90 : capability >= 80;
}

bool Row::run(const Call& call) const {
  if (device == Device::cpu) return kernel(call);
  CudaFault fault{};
  const int ran = card->run(&call, &fault);
  if (ran < 0) throw Fault(fault.code, fault.text);
  return ran > 0;
}

int dispatch(const Op& op, const Call& call, int row) {
  EXPECT(op.anyInputs || call.inputCount == static_cast<int>(op.inputs.size()));
  const int count = static_cast<int>(op.rows.size());
  if (row >= count) return -1;
  for (int i = row < 0 ? 0 : row; i < (row < 0 ? count : row + 1); i++)
    if (op.rows[i].device == call.device && op.rows[i].runnable() && op.rows[i].run(call)) return i;
  return -1;
}

}  // namespace lowbit
