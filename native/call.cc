#include "call.h"

#include <stdexcept>

namespace lowbit {
namespace {

constexpr size_t kDtypeBytes[] = {
#define X(name, type, bytes) bytes,
    LOWBIT_DTYPES(X)
#undef X
};
constexpr int kDtypes = sizeof kDtypeBytes / sizeof *kDtypeBytes;

class CallReader {
 public:
  CallReader(BufferTable& buffers, const double* words, size_t count) : buffers_(buffers), at_(words), end_(words + count) {}

  bool more() const { return at_ < end_; }
  PreparedCall read() {
    PreparedCall call;
    size_t index = integer(ops().size() - 1, "op");
    call.op = &ops()[index];
    double row = word();
    call.row = row < 0 ? -1 : static_cast<int>(row);
    size_t inputs = integer(1 << 16, "inputs");
    if (!call.op->anyInputs && inputs != call.op->inputs.size()) throw Fault("internal", std::string(call.op->name) + ": input count");
    for (size_t i = 0; i < inputs; i++) call.inputs.push_back(view(call));
    call.output = view(call);
    for (const BufferRef& buffer : call.held)
      if (buffer->device() != call.held.back()->device()) throw Fault("internal", std::string(call.op->name) + ": tensors of two devices");
    size_t params = integer(64, "params");
    if (params != call.op->params.size()) throw Fault("internal", std::string(call.op->name) + ": parameter count");
    std::vector<size_t> counts;
    for (size_t i = 0; i < params; i++) {
      size_t count = integer(1 << 20, "parameter length");
      counts.push_back(count);
      for (size_t j = 0; j < count; j++) call.values.push_back(word());
    }
    const double* value = call.values.data();
    for (size_t count : counts) {
      call.params.push_back({value, static_cast<int>(count)});
      value += count;
    }
    return call;
  }

 private:
  double word() {
    if (at_ == end_) throw Fault("internal", "a call ended early");
    return *at_++;
  }
  size_t integer(size_t most, const char* what) {
    double value = word();
    if (!(value >= 0 && value <= static_cast<double>(most))) throw Fault("internal", std::string("bad ") + what);
    return static_cast<size_t>(value);
  }
  View view(PreparedCall& call) {
    const BufferRef& buffer = buffers_.at(word());
    View view{};
    size_t offset = integer(size_t{1} << 52, "offset");
    size_t dtype = integer(kDtypes - 1, "dtype");
    view.dtype = static_cast<Dtype>(dtype);
    view.rank = static_cast<int>(integer(kMaxRank, "rank"));
    double bytes = static_cast<double>(kDtypeBytes[dtype]);
    for (int i = 0; i < view.rank; i++) {
      view.shape[i] = static_cast<int64_t>(integer(size_t{1} << 52, "dimension"));
      bytes *= static_cast<double>(view.shape[i]);
    }
    if (bytes + static_cast<double>(offset) > static_cast<double>(buffer->bytes()))
      throw Fault("internal", "a view is larger than its buffer");
    call.held.push_back(buffer);
    call.offsets.push_back(offset);
    return view;
  }

  BufferTable& buffers_;
  const double* at_;
  const double* end_;
};

}  // namespace

void PreparedCall::bind() {
  const auto at = [&](size_t i) { return static_cast<char*>(held[i]->data()) + offsets[i]; };
  for (size_t i = 0; i < inputs.size(); i++) inputs[i].data = at(i);
  output.data = at(inputs.size());
}

int PreparedCall::tryRun() {
  Call call{held.back()->device(), inputs.data(), static_cast<int>(inputs.size()), output, params.data(), kept};
  try {
    return dispatch(*op, call, row);
  } catch (const std::out_of_range& e) {
    throw Fault("data", std::string(op->name) + ": " + e.what());
  }
}

int PreparedCall::run() {
  const int ran = tryRun();
  if (ran < 0) {
    const bool onCard = row < 0 && held.back()->device() == Device::cuda;
    throw Fault("declined", std::string(op->name) + " row " + (onCard ? "cuda" : std::to_string(row)));
  }
  return ran;
}

std::vector<PreparedCall> readCalls(BufferTable& buffers, const double* words, size_t count) {
  CallReader reader(buffers, words, count);
  std::vector<PreparedCall> calls;
  while (reader.more()) calls.push_back(reader.read());
  return calls;
}

}  // namespace lowbit
