#include "registry.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/check.h"
#include "cpu/features.h"
#include "cuda/library.h"
#include "fault.h"
#include "op.h"

namespace lowbit {
namespace {

// In memory a call struct is its views (one list of them where an op takes any number), its parameters and kept, one after another, so
// that all are written by the same few copies.
constexpr size_t callBytes(size_t views, size_t params) { return views + params * sizeof(Param) + sizeof(Kept*); }
constexpr size_t kMostInputs = 16, kMostParams = 16;

struct alignas(void*) Bytes {
  char memory[callBytes((kMostInputs + 1) * sizeof(View), kMostParams)];

  Bytes(const Op& op, const Call& call) {
    char* at = memory;
    const auto put = [&](const void* from, size_t bytes) {
      std::memcpy(at, from, bytes);
      at += bytes;
    };
    const Views list{call.inputs, call.inputCount};
    if (op.anyInputs) put(&list, sizeof list);
    else put(call.inputs, op.inputs.size() * sizeof(View));
    put(&call.output, sizeof(View));
    put(call.params, op.params.size() * sizeof(Param));
    put(&call.kept, sizeof(Kept*));
  }
};

// A null pointer ends the lists of names, which may be empty.
#define LOWBIT_NAME(name) #name,
#define LOWBIT_NAMES(op, ins, pars)                                                             \
  constexpr const char* op##_inputs[] = {LOWBIT_EACH(LOWBIT_NAME, LOWBIT_UNWRAP ins) nullptr};  \
  constexpr const char* op##_params[] = {LOWBIT_EACH(LOWBIT_NAME, LOWBIT_UNWRAP pars) nullptr}; \
  static_assert(std::size(op##_inputs) <= kMostInputs && std::size(op##_params) <= kMostParams);
#define OP(op, ins, out, pars) \
  LOWBIT_NAMES(op, ins, pars)  \
  static_assert(sizeof(op##_call) == callBytes(std::size(op##_inputs) * sizeof(View), std::size(op##_params) - 1));
#define OP_ANY(op, ins, out, pars) \
  LOWBIT_NAMES(op, ins, pars)      \
  static_assert(sizeof(op##_call) == callBytes(sizeof(Views) + sizeof(View), std::size(op##_params) - 1));
#define KERNEL(op, device, needs, variant)
#include "ops.inc"
#undef OP
#undef OP_ANY
#undef KERNEL

const Row rows[] = {
#define OP(op, ins, out, pars)
#define OP_ANY(op, ins, out, pars)
#define KERNEL(op, device, needs, variant)                                   \
  {#op,    Device::device, Needs::needs, #variant, [](const void* call) { return op##_##variant(*static_cast<const op##_call*>(call)); }, \
   nullptr},
#include "ops.inc"
#undef OP
#undef OP_ANY
#undef KERNEL
};

template <size_t N> constexpr Names namesOf(const char* const (&list)[N]) { return {list, N - 1}; }

constexpr Op table[] = {
#define OP(op, ins, out, pars) {#op, false, namesOf(op##_inputs), namesOf(op##_params), {}},
#define OP_ANY(op, ins, out, pars) {#op, true, namesOf(op##_inputs), namesOf(op##_params), {}},
#define KERNEL(op, device, needs, variant)
#include "ops.inc"
#undef OP
#undef OP_ANY
#undef KERNEL
};

std::vector<Op> build() {
  std::vector<Op> ops(std::begin(table), std::end(table));
  for (Op& op : ops) {
    const auto isOf = [&](const Row& row) { return !std::strcmp(row.op, op.name); };
    const Row* first = std::find_if(std::begin(rows), std::end(rows), isOf);
    const CudaTable* cuda = cudaLibrary().table;
    for (int i = 0; cuda && i < cuda->rowCount; i++) {
      const CudaRow& row = cuda->rows[i];
      if (!std::strcmp(row.op, op.name)) op.rows.push_back({row.op, Device::cuda, row.needs, row.variant, nullptr, &row});
    }
    op.rows.insert(op.rows.end(), first, std::find_if_not(first, std::end(rows), isOf));
  }
  return ops;
}

}  // namespace

const std::vector<Op>& ops() {
  static const std::vector<Op>* list = new std::vector<Op>(build());
  return *list;
}

bool Row::runnable() const {
  if (device == Device::cpu) return cpuHas(needs);
  if (!cudaCard().usable()) return false;
  const int capability = cudaCard().card.capability;
  return needs == Needs::sm90a ? capability == 90 : capability >= 80;
}

bool Row::run(const void* call) const {
  if (device == Device::cpu) return kernel(call);
  CudaFault fault{};
  const int ran = card->run(call, &fault);
  if (ran < 0) throw Fault(fault.code, fault.text);
  return ran > 0;
}

int dispatch(const Op& op, const Call& call, int row) {
  EXPECT(op.anyInputs || call.inputCount == static_cast<int>(op.inputs.size()));
  const int count = static_cast<int>(op.rows.size());
  if (row >= count) return -1;
  const Bytes bytes(op, call);
  for (int i = row < 0 ? 0 : row; i < (row < 0 ? count : row + 1); i++)
    if (op.rows[i].device == call.device && op.rows[i].runnable() && op.rows[i].run(bytes.memory)) return i;
  return -1;
}

}  // namespace lowbit
