// The only file that knows Node exists: it turns numbers and typed arrays from lib/native.ts into calls of the registry.
#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "call.h"
#include "copy.h"
#include "cpu/features.h"
#include "cpu/peak.h"
#include "cpu/pool.h"
#include "cuda/library.h"
#include "session.h"

namespace {

using lowbit::Buffer;
using lowbit::BufferRef;
using lowbit::Fault;
using lowbit::PreparedCall;

// Jobs that belong together: after a fault in one of them the others do nothing.
struct Group {
  std::mutex mutex;
  std::string fault;

  std::string found() {
    std::lock_guard<std::mutex> lock(mutex);
    return fault;
  }
  void fail(const std::string& text) {
    std::lock_guard<std::mutex> lock(mutex);
    fault = text;
  }
};

// What one promise waits for, and the thread that runs it (one a process, so that jobs of one environment stay in order).
struct Job {
  std::function<void(Job&)> work;
  std::shared_ptr<Group> group;
  std::vector<Napi::ObjectReference> arrays;  // that the work reads and writes
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
  // Waits until no job of this environment, known by its flag, is queued or running.
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
        if (job->group->found().empty() && !job->cancelled->load()) job->work(*job);
      } catch (const std::bad_alloc&) {
        job->fault = "out-of-memory: a kernel needs more workspace than there is";
      } catch (const std::exception& e) {
        job->fault = e.what();
      }
      if (!job->fault.empty()) job->group->fail(job->fault);
      job->work = nullptr;
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
        } else {
          for (Napi::ObjectReference& array : finished->arrays) array.SuppressDestruct();
        }
        delete finished;
      });
      if (status == napi_ok) {
        done.Release();
      } else {  // the environment has gone; neither the function nor references must be touched again
        for (Napi::ObjectReference& array : job->arrays) array.SuppressDestruct();
        delete job;
      }
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

// What one environment (main thread or worker) owns.
struct Environment {
  lowbit::BufferTable buffers;
  std::shared_ptr<Group> group;  // of the last job, if more will follow
  std::atomic<bool> cancelled{false};
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

lowbit::Device deviceOf(const Napi::Value& value) {
  return !value.IsUndefined() && value.ToBoolean() ? lowbit::Device::cuda : lowbit::Device::cpu;
}

// alloc(bytes, later, cuda) -> handle; `later`: memory is taken when a call first touches it; `cuda`: on the graphics card
Napi::Value alloc(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    double bytes = number(info, 0);
    if (!(bytes >= 0 && bytes < 1e15)) throw std::bad_alloc();
    auto buffer = std::make_shared<Buffer>(static_cast<size_t>(bytes), deviceOf(info[2]));
    if (!info[1].ToBoolean()) buffer->data();
    return Napi::Number::New(info.Env(), environmentOf(info).buffers.add(std::move(buffer)));
  });
}

Napi::Value release(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), environmentOf(info).buffers.remove(number(info, 0)));
}

struct Bytes {
  void* data;
  size_t count;
};

// The data pointer of a typed array, not .ArrayBuffer(): it also works on a SharedArrayBuffer.
Bytes bytesOf(napi_env env, napi_value value) {
  napi_typedarray_type type;
  size_t length, offset;
  void* data;
  napi_value array;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, &array, &offset) != napi_ok)
    throw Fault("internal", "this is no typed array");
  static constexpr size_t kBytes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 2};
  return {data, length * kBytes[type]};
}

// copy(handle, typedArray, write): all of the array, to or from the start of the buffer.
Napi::Value copy(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    const BufferRef& buffer = environmentOf(info).buffers.at(number(info, 0));
    const Bytes array = bytesOf(info.Env(), info[1]);
    if (array.count > buffer->bytes()) throw Fault("internal", "copy past the end of a buffer");
    const lowbit::Memory mine = lowbit::memoryOf(*buffer), theirs = lowbit::hostMemory(array.data);
    if (info[2].ToBoolean()) lowbit::copyBytes(mine, theirs, array.count);
    else lowbit::copyBytes(theirs, mine, array.count);
    return info.Env().Undefined();
  });
}

// move(from, to): the elements of a buffer to another of its size, on any device.
Napi::Value move(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    lowbit::BufferTable& buffers = environmentOf(info).buffers;
    Buffer &from = *buffers.at(number(info, 0)), &to = *buffers.at(number(info, 1));
    if (from.bytes() != to.bytes()) throw Fault("internal", "a move between buffers of two sizes");
    lowbit::copyBytes(lowbit::memoryOf(to), lowbit::memoryOf(from), from.bytes());
    return info.Env().Undefined();
  });
}

// cuda() -> the graphics card in use, or why there is none
Napi::Value cuda(const Napi::CallbackInfo& info) {
  const lowbit::FoundCard& found = lowbit::cudaCard();
  Napi::Object out = Napi::Object::New(info.Env());
  if (!found.usable()) {
    out.Set("problem", found.problem);
    return out;
  }
  out.Set("name", found.card.name);
  out.Set("capability", found.card.capability / 10 + found.card.capability % 10 / 10.0);
  out.Set("multiprocessors", found.card.multiprocessors);
  out.Set("bytes", static_cast<double>(found.card.bytes));
  out.Set("emulated", lowbit::cudaLibrary().table->emulated != 0);
  out.Set("inUse", static_cast<double>(lowbit::memoryUse(lowbit::Device::cuda).bytes));
  return out;
}

// cudaPrecision(precision?) -> its number in the library (cuda/api.h)
Napi::Value cudaPrecision(const Napi::CallbackInfo& info) {
  const lowbit::CudaLibrary& library = lowbit::cudaLibrary();
  lowbit::Precision precision = lowbit::Precision::float32;
  if (library.table) {
    const bool given = !info[0].IsUndefined();
    if (given) precision = static_cast<lowbit::Precision>(number(info, 0));
    precision = library.table->precision(given ? &precision : nullptr);
  }
  return Napi::Number::New(info.Env(), static_cast<int>(precision));
}

std::vector<PreparedCall> calls(const Napi::CallbackInfo& info) {
  auto words = info[0].As<Napi::Float64Array>();
  return lowbit::readCalls(environmentOf(info).buffers, words.Data(), static_cast<size_t>(number(info, 1)));
}

// call(words, count) -> index of the row that ran last
Napi::Value call(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    int row = -1;
    for (PreparedCall& prepared : calls(info)) {
      prepared.bind();
      row = prepared.run();
    }
    return Napi::Number::New(info.Env(), row);
  });
}

// Hands a job to the executor; a promise that is resolved when it is done.
Napi::Value enqueue(const Napi::CallbackInfo& info, Job&& job) {
  Napi::Env env = info.Env();
  napi_value promise;
  NAPI_THROW_IF_FAILED(env, napi_create_promise(env, &job.deferred, &promise), env.Undefined());
  job.done = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "lowbit", 0, 1);
  Executor::instance().push(new Job(std::move(job)));
  return Napi::Value(env, promise);
}

// submit(words, count, more, unused) -> Promise, resolved when every call has run on the executor thread; `more`: the next job belongs to
// this one; `unused`: handles that nobody needs but these calls, released before the first of them runs
Napi::Value submit(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    auto list = std::make_shared<std::vector<PreparedCall>>(calls(info));
    Environment& environment = environmentOf(info);
    auto unused = info[3].As<Napi::Array>();
    for (uint32_t i = 0; i < unused.Length(); i++) environment.buffers.remove(Napi::Value(unused[i]).ToNumber().DoubleValue());
    auto group = environment.group ? environment.group : std::make_shared<Group>();
    environment.group = info[2].ToBoolean() ? group : nullptr;
    const auto work = [list](Job& job) {
      for (PreparedCall& call : *list) {
        if (job.cancelled->load()) break;
        PreparedCall running = std::move(call);  // what it alone holds is free for the next one
        running.bind();
        running.run();
      }
    };
    return enqueue(info, {work, std::move(group), {}, {}, &environment.cancelled, nullptr, {}});
  });
}

// settle() waits for what was submitted; a fault in the jobs that more will follow is thrown.
Napi::Value settle(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    Environment& environment = environmentOf(info);
    Executor::instance().drain(&environment.cancelled);
    const std::string fault = environment.group ? environment.group->found() : "";
    if (!fault.empty()) throw Napi::Error::New(info.Env(), fault);
    return info.Env().Undefined();
  });
}

using KeptRef = std::shared_ptr<lowbit::KeptTable>;
using PlanRef = std::shared_ptr<lowbit::Plan>;

template <class T> T& external(const Napi::Value& value) {
  T& held = *value.As<Napi::External<T>>().Data();
  if (!held) throw Fault("disposed", "a session was used after dispose()");
  return held;
}
template <class T> Napi::Value wrapped(Napi::Env env, T&& value) {
  return Napi::External<T>::New(env, new T(std::move(value)), [](Napi::Env, T* held) { delete held; });
}

using FetchRef = std::shared_ptr<lowbit::Fetch>;

// fetch(handle) -> what `collect` takes: a small buffer of the graphics card is on its way to the host
Napi::Value fetch(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    Buffer& buffer = *environmentOf(info).buffers.at(number(info, 0));
    return wrapped(info.Env(), std::make_shared<lowbit::Fetch>(buffer));
  });
}

// collect(fetched, typedArray): waits for it
Napi::Value collect(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    const FetchRef fetched = std::move(external<FetchRef>(info[0]));
    const Bytes array = bytesOf(info.Env(), info[1]);
    if (array.count != fetched->bytes()) throw Fault("internal", "an array for other numbers");
    fetched->collect(array.data);
    return info.Env().Undefined();
  });
}

// createKept(count) -> what the steps of a session keep
Napi::Value createKept(const Napi::CallbackInfo& info) {
  return guarded(info, [&] { return wrapped(info.Env(), std::make_shared<lowbit::KeptTable>(static_cast<size_t>(number(info, 0)))); });
}

// createPlan(words, count, notes, kept, inputs, outputs, batch, slice) -> plan
//   notes: Int32Array with, for each call, its place in `kept` (-1: none) and the threads it may have (0: all)
//   inputs, outputs: Float64Array of (buffer handle, first byte, bytes, bytes of the caller's memory)
//   batch, slice: samples in the caller's memory and in one run of the calls; where a port is smaller than the caller's memory it holds a
//   slice
Napi::Value createPlan(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    std::vector<PreparedCall> list = calls(info);
    auto notes = info[2].As<Napi::Int32Array>();
    const KeptRef& kept = external<KeptRef>(info[3]);
    if (notes.ElementLength() != 2 * list.size()) throw Fault("internal", "a plan's notes");
    std::vector<lowbit::Plan::Step> steps;
    for (size_t i = 0; i < list.size(); i++) {
      const int32_t index = notes[2 * i];
      if (index >= static_cast<int32_t>(kept->size())) throw Fault("internal", "a step's place among what is kept");
      if (index >= 0) list[i].kept = &kept->at(static_cast<size_t>(index));
      steps.push_back({std::move(list[i]), notes[2 * i + 1]});
    }
    const lowbit::Batch batch{static_cast<size_t>(number(info, 6)), static_cast<size_t>(number(info, 7))};
    if (batch.slice < 1 || batch.slice > batch.samples) throw Fault("internal", "a slice larger than its batch");
    const auto ports = [&](size_t argument) {
      auto words = info[argument].As<Napi::Float64Array>();
      std::vector<lowbit::Port> out;
      for (size_t i = 0; i + 3 < words.ElementLength(); i += 4) {
        const BufferRef& buffer = environmentOf(info).buffers.at(words[i]);
        const double first = words[i + 1], bytes = words[i + 2], caller = words[i + 3];
        if (first + bytes > static_cast<double>(buffer->bytes())) throw Fault("internal", "a port outside its buffer");
        const bool sliced = caller * static_cast<double>(batch.slice) == bytes * static_cast<double>(batch.samples);
        if (caller != bytes && !sliced) throw Fault("internal", "a port for another batch");
        out.push_back({buffer, static_cast<size_t>(first), static_cast<size_t>(bytes), static_cast<size_t>(caller)});
      }
      return out;
    };
    return wrapped(info.Env(), std::make_shared<lowbit::Plan>(kept, std::move(steps), ports(4), ports(5), batch));
  });
}

// The caller's memory for a plan's ports: typed arrays, or handles of buffers.
struct Addresses {
  std::vector<lowbit::Memory> list;
  std::vector<BufferRef> buffers;
  std::vector<Napi::ObjectReference> arrays;

  Addresses(const Napi::CallbackInfo& info, const Napi::Value& values, const std::vector<lowbit::Port>& ports, bool hold) {
    auto items = values.As<Napi::Array>();
    if (items.Length() != ports.size()) throw Fault("internal", "a plan got other arrays than it has ports");
    for (uint32_t i = 0; i < ports.size(); i++) {
      Napi::Value item = items[i];
      if (item.IsNumber()) {
        buffers.push_back(environmentOf(info).buffers.at(item.As<Napi::Number>().DoubleValue()));
        if (buffers.back()->bytes() < ports[i].callerBytes) throw Fault("internal", "a tensor is smaller than its port");
        list.push_back(lowbit::memoryOf(*buffers.back()));
        continue;
      }
      const Bytes bytes = bytesOf(info.Env(), item);
      if (bytes.count != ports[i].callerBytes) throw Fault("internal", "an array is not as large as its port");
      if (hold) arrays.push_back(Napi::Persistent(item.As<Napi::Object>()));
      list.push_back(lowbit::hostMemory(bytes.data));
    }
  }
};

// runPlan(plan, inputs, outputs, times?): times, a Float64Array, gets nanoseconds for each step
Napi::Value runPlan(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    lowbit::Plan& plan = *external<PlanRef>(info[0]);
    const Addresses from(info, info[1], plan.inputs(), false), to(info, info[2], plan.outputs(), false);
    double* times = nullptr;
    if (info.Length() > 3) {
      const Bytes bytes = bytesOf(info.Env(), info[3]);
      if (bytes.count != plan.steps() * sizeof(double)) throw Fault("internal", "times for other steps");
      times = static_cast<double*>(bytes.data);
    }
    plan.run(from.list.data(), to.list.data(), nullptr, times);
    return info.Env().Undefined();
  });
}

// submitPlan(plan, inputs, outputs, stop) -> Promise; `stop`, an Int32Array of one element, ends the run where it is not 0
Napi::Value submitPlan(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    PlanRef plan = external<PlanRef>(info[0]);
    auto from = std::make_shared<Addresses>(info, info[1], plan->inputs(), true);
    auto to = std::make_shared<Addresses>(info, info[2], plan->outputs(), true);
    const Bytes stop = bytesOf(info.Env(), info[3]);
    if (stop.count != sizeof(int32_t)) throw Fault("internal", "a stop of another size");
    Job job{nullptr, std::make_shared<Group>(), {}, {}, &environmentOf(info).cancelled, nullptr, {}};
    for (auto* addresses : {from.get(), to.get()})
      for (Napi::ObjectReference& array : addresses->arrays) job.arrays.push_back(std::move(array));
    job.arrays.push_back(Napi::Persistent(info[3].As<Napi::Object>()));
    from->arrays.clear();
    to->arrays.clear();
    job.work = [plan, from, to, flag = static_cast<std::atomic<int32_t>*>(stop.data)](Job&) {
      plan->run(from->list.data(), to->list.data(), flag);
    };
    return enqueue(info, std::move(job));
  });
}

// keptBytes(kept)
Napi::Value keptBytes(const Napi::CallbackInfo& info) {
  return guarded(info, [&] { return Napi::Number::New(info.Env(), static_cast<double>(external<KeptRef>(info[0])->bytes())); });
}

// releasePlan(plan), releaseKept(kept): the memory is free when no run uses it
template <class T> Napi::Value releaseExternal(const Napi::CallbackInfo& info) {
  info[0].As<Napi::External<T>>().Data()->reset();
  return info.Env().Undefined();
}

Napi::Value threads(const Napi::CallbackInfo& info) {
  if (info.Length() > 0 && info[0].IsNumber()) lowbit::setThreads(info[0].As<Napi::Number>().Int32Value());
  return Napi::Number::New(info.Env(), lowbit::threads());
}

// peak(products): 0 for fp32, 1 for int8
Napi::Value peak(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), lowbit::peak(static_cast<lowbit::Products>(info[0].As<Napi::Number>().Int32Value())));
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

Napi::Array names(Napi::Env env, lowbit::Names list) {
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
      // Of rows for cards only when somebody wants one: lib/op.ts asks for the card then.
      if (op.rows[i].device == lowbit::Device::cpu) row.Set("runnable", op.rows[i].runnable());
      rows.Set(i, row);
    }
    entry.Set("rows", rows);
    ops.Set(next++, entry);
  }
  next = 0;
  using lowbit::Needs;
  for (Needs needs : {Needs::avx2, Needs::avxvnni, Needs::avx512, Needs::avx512vnni, Needs::avx512popcnt})
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
  exports.Set("move", Napi::Function::New(env, move));
  exports.Set("fetch", Napi::Function::New(env, fetch));
  exports.Set("collect", Napi::Function::New(env, collect));
  exports.Set("cuda", Napi::Function::New(env, cuda));
  exports.Set("cudaPrecision", Napi::Function::New(env, cudaPrecision));
  exports.Set("call", Napi::Function::New(env, call));
  exports.Set("submit", Napi::Function::New(env, submit));
  exports.Set("createKept", Napi::Function::New(env, createKept));
  exports.Set("createPlan", Napi::Function::New(env, createPlan));
  exports.Set("runPlan", Napi::Function::New(env, runPlan));
  exports.Set("submitPlan", Napi::Function::New(env, submitPlan));
  exports.Set("keptBytes", Napi::Function::New(env, keptBytes));
  exports.Set("releasePlan", Napi::Function::New(env, releaseExternal<PlanRef>));
  exports.Set("releaseKept", Napi::Function::New(env, releaseExternal<KeptRef>));
  exports.Set("settle", Napi::Function::New(env, settle));
  exports.Set("threads", Napi::Function::New(env, threads));
  exports.Set("peak", Napi::Function::New(env, peak));
  exports.Set("memory", Napi::Function::New(env, memory));
  return exports;
}

}  // namespace

NODE_API_MODULE(lowbit, init)
