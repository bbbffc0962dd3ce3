// The only file that knows Node exists: it turns numbers and typed arrays from lib/native.ts into calls of the registry.
//
// A call is one Float64Array:
//   op, row (-1: best), inputs, tensor * inputs, output tensor, params, (count, value * count) * params
//   tensor = buffer handle, dtype, rank, dimension * rank
#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/buffer.h"
#include "core/check.h"
#include "cpu/pool.h"
#include "registry.h"

namespace {

using lowbit::Buffer;
using lowbit::BufferRef;
using lowbit::Call;
using lowbit::Param;
using lowbit::View;

constexpr size_t kDtypeBytes[] = {
#define X(name, type, bytes) bytes,
    LOWBIT_DTYPES(X)
#undef X
};
constexpr int kDtypes = sizeof kDtypeBytes / sizeof *kDtypeBytes;

// Faults that TypeScript turns into a LowbitError; the message begins with the code.
struct Fault : std::exception {
  std::string text;
  Fault(const char* code, const std::string& why) : text(std::string(code) + ": " + why) {}
  const char* what() const noexcept override { return text.c_str(); }
};

// One call with everything it points to: views and parameters live here, buffers are held until it is gone.
struct PreparedCall {
  const lowbit::Op* op = nullptr;
  int row = -1;
  std::vector<View> inputs;
  View output{};
  std::vector<double> values;
  std::vector<Param> params;
  std::vector<BufferRef> held;

  int run() {
    Call call{inputs.data(), static_cast<int>(inputs.size()), output, params.data()};
    int ran;
    try {
      ran = lowbit::dispatch(*op, call, row);
    } catch (const std::out_of_range& e) {
      throw Fault("data", std::string(op->name) + ": " + e.what());
    }
    if (ran < 0) throw Fault("declined", std::string(op->name) + " row " + std::to_string(row));
    return ran;
  }
};

// Calls that one promise waits for, and the thread that runs them (one a process, so that jobs of one environment stay in order).
struct Job {
  std::vector<PreparedCall> calls;
  std::string fault;
  std::atomic<bool>* cancelled;
  napi_deferred deferred;
  Napi::ThreadSafeFunction done;
};

class Executor {
 public:
  static Executor& instance() {
    static Executor* executor = new Executor;
    return *executor;
  }
  void push(Job* job) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!started_) {
      started_ = true;
      std::thread([this] { work(); }).detach();
    }
    queue_.push_back(job);
    wake_.notify_one();
  }
  // Waits until no job of this environment is queued or running; its cancel flag must be set already.
  void drain(std::atomic<bool>* cancelled) {
    std::unique_lock<std::mutex> lock(mutex_);
    idle_.wait(lock, [&] {
      if (running_ && running_->cancelled == cancelled) return false;
      for (Job* job : queue_)
        if (job->cancelled == cancelled) return false;
      return true;
    });
  }

 private:
  void work() {
    for (;;) {
      Job* job;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return !queue_.empty(); });
        job = running_ = queue_.front();
        queue_.pop_front();
      }
      try {
        for (PreparedCall& call : job->calls) {
          if (job->cancelled->load()) break;
          call.run();
        }
      } catch (const std::bad_alloc&) {
        job->fault = "out-of-memory: a kernel needs more workspace than there is";
      } catch (const std::exception& e) {
        job->fault = e.what();
      }
      job->calls.clear();
      Napi::ThreadSafeFunction done = job->done;
      napi_status status = done.BlockingCall(job, [](Napi::Env env, Napi::Function, Job* finished) {
        if (env) {
          // Raw calls whose status is ignored: the environment may be closing.
          napi_value value;
          if (finished->fault.empty()) {
            napi_get_undefined(env, &value);
            napi_resolve_deferred(env, finished->deferred, value);
          } else {
            napi_value message;
            napi_create_string_utf8(env, finished->fault.c_str(), finished->fault.size(), &message);
            napi_create_error(env, nullptr, message, &value);
            napi_reject_deferred(env, finished->deferred, value);
          }
        }
        delete finished;
      });
      if (status == napi_ok) done.Release();
      else delete job;  // the environment has gone; the function must not be touched again
      std::lock_guard<std::mutex> lock(mutex_);
      running_ = nullptr;
      idle_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::deque<Job*> queue_;
  Job* running_ = nullptr;
  bool started_ = false;
};

// What one environment (main thread or worker) owns. Handles are slots with a generation, so that a stale one is noticed.
class Environment {
 public:
  std::atomic<bool> cancelled{false};

  double add(BufferRef buffer) {
    uint32_t slot;
    if (free_.empty()) {
      slot = static_cast<uint32_t>(slots_.size());
      slots_.push_back({});
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    slots_[slot].buffer = std::move(buffer);
    return static_cast<double>((static_cast<uint64_t>(slots_[slot].generation) << 32) | slot);
  }
  const BufferRef& at(double handle) {
    Slot* slot = find(handle);
    if (!slot) throw Fault("disposed", "a tensor was used after dispose()");
    return slot->buffer;
  }
  bool remove(double handle) {
    Slot* slot = find(handle);
    if (!slot) return false;
    slot->buffer.reset();
    slot->generation = (slot->generation + 1) & 0xfffff;  // a handle stays below 2^53
    free_.push_back(static_cast<uint32_t>(slot - slots_.data()));
    return true;
  }

 private:
  struct Slot {
    BufferRef buffer;
    uint32_t generation = 0;
  };
  Slot* find(double handle) {
    if (!(handle >= 0 && handle < 9007199254740992.0)) return nullptr;
    uint64_t bits = static_cast<uint64_t>(handle);
    uint32_t slot = static_cast<uint32_t>(bits);
    if (slot >= slots_.size() || slots_[slot].generation != bits >> 32 || !slots_[slot].buffer) return nullptr;
    return &slots_[slot];
  }
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
};

// Reads a call's numbers and refuses what would let a kernel touch memory that is not its own.
class CallReader {
 public:
  CallReader(Environment& environment, const double* words, size_t count) : environment_(environment), at_(words), end_(words + count) {}

  bool more() const { return at_ < end_; }
  PreparedCall read() {
    PreparedCall call;
    size_t index = integer(lowbit::ops().size() - 1, "op");
    call.op = &lowbit::ops()[index];
    double row = word();
    call.row = row < 0 ? -1 : static_cast<int>(row);
    size_t inputs = integer(1 << 16, "inputs");
    if (!call.op->anyInputs && inputs != call.op->inputs.size()) throw Fault("internal", std::string(call.op->name) + ": input count");
    for (size_t i = 0; i < inputs; i++) call.inputs.push_back(view(call));
    call.output = view(call);
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
    const BufferRef& buffer = environment_.at(word());
    View view{};
    size_t dtype = integer(kDtypes - 1, "dtype");
    view.dtype = static_cast<lowbit::Dtype>(dtype);
    view.rank = static_cast<int>(integer(lowbit::kMaxRank, "rank"));
    double bytes = static_cast<double>(kDtypeBytes[dtype]);
    for (int i = 0; i < view.rank; i++) {
      view.shape[i] = static_cast<int64_t>(integer(size_t{1} << 52, "dimension"));
      bytes *= static_cast<double>(view.shape[i]);
    }
    if (bytes > static_cast<double>(buffer->bytes())) throw Fault("internal", "a view is larger than its buffer");
    view.data = buffer->data();
    call.held.push_back(buffer);
    return view;
  }

  Environment& environment_;
  const double* at_;
  const double* end_;
};

Environment& environmentOf(const Napi::CallbackInfo& info) { return *info.Env().GetInstanceData<Environment>(); }

template <class F> Napi::Value guarded(const Napi::CallbackInfo& info, F&& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Napi::Error::New(info.Env(), "out-of-memory: no memory for this tensor");
  } catch (const std::logic_error& e) {
    throw Napi::Error::New(info.Env(), std::string("internal: ") + e.what());
  } catch (const std::exception& e) {
    throw Napi::Error::New(info.Env(), e.what());
  }
}

double number(const Napi::CallbackInfo& info, size_t i) { return info[i].ToNumber().DoubleValue(); }

Napi::Value alloc(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    double bytes = number(info, 0);
    if (!(bytes >= 0 && bytes < 1e15)) throw std::bad_alloc();
    return Napi::Number::New(info.Env(), environmentOf(info).add(std::make_shared<Buffer>(static_cast<size_t>(bytes))));
  });
}

Napi::Value release(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), environmentOf(info).remove(number(info, 0))); }

// copy(handle, typedArray, write): all of the array, to or from the start of the buffer.
Napi::Value copy(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    const BufferRef& buffer = environmentOf(info).at(number(info, 0));
    // The data pointer, not .ArrayBuffer(): it also works on a SharedArrayBuffer.
    napi_typedarray_type type;
    size_t length, offset;
    void* data;
    napi_value array;
    if (napi_get_typedarray_info(info.Env(), info[1], &type, &length, &data, &array, &offset) != napi_ok)
      throw Fault("internal", "copy needs a typed array");
    static constexpr size_t kBytes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 2};
    size_t bytes = length * kBytes[type];
    if (bytes > buffer->bytes()) throw Fault("internal", "copy past the end of a buffer");
    if (bytes) {
      if (info[2].ToBoolean()) std::memcpy(buffer->data(), data, bytes);
      else std::memcpy(data, buffer->data(), bytes);
    }
    return info.Env().Undefined();
  });
}

std::vector<PreparedCall> readCalls(const Napi::CallbackInfo& info) {
  auto words = info[0].As<Napi::Float64Array>();
  CallReader reader(environmentOf(info), words.Data(), static_cast<size_t>(number(info, 1)));
  std::vector<PreparedCall> calls;
  while (reader.more()) calls.push_back(reader.read());
  return calls;
}

// call(words, count) -> index of the row that ran last
Napi::Value call(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    int row = -1;
    for (PreparedCall& prepared : readCalls(info)) row = prepared.run();
    return Napi::Number::New(info.Env(), row);
  });
}

// submit(words, count) -> Promise, resolved when every call has run on the executor thread
Napi::Value submit(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    Napi::Env env = info.Env();
    std::vector<PreparedCall> calls = readCalls(info);
    auto done = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "lowbit", 0, 1);
    napi_deferred deferred;
    napi_value promise;
    NAPI_THROW_IF_FAILED(env, napi_create_promise(env, &deferred, &promise), env.Undefined());
    Executor::instance().push(new Job{std::move(calls), {}, &environmentOf(info).cancelled, deferred, done});
    return Napi::Value(env, promise);
  });
}

Napi::Value threads(const Napi::CallbackInfo& info) {
  if (info.Length() > 0 && info[0].IsNumber()) lowbit::setThreads(info[0].As<Napi::Number>().Int32Value());
  return Napi::Number::New(info.Env(), lowbit::threads());
}

Napi::Value memory(const Napi::CallbackInfo& info) {
  std::string request = info.Length() > 0 && info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
  if (request == "trim") lowbit::trimCache();
  if (request == "resetPeak") lowbit::resetPeak();
  lowbit::MemoryUse use = lowbit::memoryUse();
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("buffers", static_cast<double>(use.buffers));
  out.Set("bytes", static_cast<double>(use.bytes));
  out.Set("peakBytes", static_cast<double>(use.peakBytes));
  out.Set("cachedBytes", static_cast<double>(use.cachedBytes));
  return out;
}

Napi::Array names(Napi::Env env, const std::vector<const char*>& list) {
  Napi::Array out = Napi::Array::New(env, list.size());
  for (uint32_t i = 0; i < list.size(); i++) out.Set(i, list[i]);
  return out;
}

// The op table as TypeScript sees it.
Napi::Value schema(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object out = Napi::Object::New(env);
  Napi::Array dtypes = Napi::Array::New(env), ops = Napi::Array::New(env), features = Napi::Array::New(env);
  uint32_t next = 0;
#define X(name, type, bytes) dtypes.Set(next++, #name);
  LOWBIT_DTYPES(X)
#undef X
  next = 0;
  for (const lowbit::Op& op : lowbit::ops()) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", op.name);
    entry.Set("anyInputs", op.anyInputs);
    entry.Set("inputs", names(env, op.inputs));
    entry.Set("params", names(env, op.params));
    Napi::Array rows = Napi::Array::New(env);
    for (uint32_t i = 0; i < op.rows.size(); i++) {
      Napi::Object row = Napi::Object::New(env);
      row.Set("device", op.rows[i].device == lowbit::Device::cpu ? "cpu" : "cuda");
      row.Set("needs", lowbit::needsName(op.rows[i].needs));
      row.Set("variant", op.rows[i].variant);
      row.Set("runnable", op.rows[i].runnable());
      rows.Set(i, row);
    }
    entry.Set("rows", rows);
    ops.Set(next++, entry);
  }
  next = 0;
  for (lowbit::Needs needs : {lowbit::Needs::avx2, lowbit::Needs::avxvnni, lowbit::Needs::avx512, lowbit::Needs::avx512vnni})
    if (lowbit::cpuHas(needs)) features.Set(next++, lowbit::needsName(needs));
  out.Set("dtypes", dtypes);
  out.Set("ops", ops);
  out.Set("features", features);
  return out;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto* environment = new Environment;
  env.SetInstanceData<Environment>(environment);
  env.AddCleanupHook([environment] {
    environment->cancelled = true;
    Executor::instance().drain(&environment->cancelled);
  });
  exports.Set("schema", Napi::Function::New(env, schema));
  exports.Set("alloc", Napi::Function::New(env, alloc));
  exports.Set("release", Napi::Function::New(env, release));
  exports.Set("copy", Napi::Function::New(env, copy));
  exports.Set("call", Napi::Function::New(env, call));
  exports.Set("submit", Napi::Function::New(env, submit));
  exports.Set("threads", Napi::Function::New(env, threads));
  exports.Set("memory", Napi::Function::New(env, memory));
  return exports;
}

}  // namespace

NODE_API_MODULE(lowbit, init)
