// Sessions: what kernels keep, and plans that run.
#include "../session.h"
#include "environment.h"
#include "functions.h"

namespace lowbit::node {
namespace {

using KeptRef = std::shared_ptr<KeptTable>;
using PlanRef = std::shared_ptr<Plan>;

// The memory is free when no run uses it.
template <class T> Napi::Value releaseExternal(const Napi::CallbackInfo& info) {
  info[0].As<Napi::External<T>>().Data()->reset();
  return info.Env().Undefined();
}

}  // namespace

// createKept(count) -> what the steps of a session keep
Napi::Value createKept(const Napi::CallbackInfo& info) {
  return guarded(info, [&] { return wrapped(info.Env(), std::make_shared<KeptTable>(static_cast<size_t>(number(info, 0)))); });
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
    std::vector<Plan::Step> steps;
    for (size_t i = 0; i < list.size(); i++) {
      const int32_t index = notes[2 * i];
      if (index >= static_cast<int32_t>(kept->size())) throw Fault("internal", "a step's place among what is kept");
      if (index >= 0) list[i].kept = &kept->at(static_cast<size_t>(index));
      steps.push_back({std::move(list[i]), notes[2 * i + 1]});
    }
    const Batch batch{static_cast<size_t>(number(info, 6)), static_cast<size_t>(number(info, 7))};
    if (batch.slice < 1 || batch.slice > batch.samples) throw Fault("internal", "a slice larger than its batch");
    const auto ports = [&](size_t argument) {
      auto words = info[argument].As<Napi::Float64Array>();
      std::vector<Port> out;
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
    return wrapped(info.Env(), std::make_shared<Plan>(kept, std::move(steps), ports(4), ports(5), batch));
  });
}

namespace {

// The caller's memory for a plan's ports: typed arrays, or handles of buffers.
struct Addresses {
  std::vector<Memory> list;
  std::vector<BufferRef> buffers;
  std::vector<Napi::ObjectReference> arrays;

  Addresses(const Napi::CallbackInfo& info, const Napi::Value& values, const std::vector<Port>& ports, bool hold) {
    auto items = values.As<Napi::Array>();
    if (items.Length() != ports.size()) throw Fault("internal", "a plan got other arrays than it has ports");
    for (uint32_t i = 0; i < ports.size(); i++) {
      Napi::Value item = items[i];
      if (item.IsNumber()) {
        buffers.push_back(environmentOf(info).buffers.at(item.As<Napi::Number>().DoubleValue()));
        if (buffers.back()->bytes() < ports[i].callerBytes) throw Fault("internal", "a tensor is smaller than its port");
        list.push_back(memoryOf(*buffers.back()));
        continue;
      }
      const Bytes bytes = bytesOf(info.Env(), item);
      if (bytes.count != ports[i].callerBytes) throw Fault("internal", "an array is not as large as its port");
      if (hold) arrays.push_back(Napi::Persistent(item.As<Napi::Object>()));
      list.push_back(hostMemory(bytes.data));
    }
  }
};

}  // namespace

// runPlan(plan, inputs, outputs, times?): times, a Float64Array, gets nanoseconds for each step
Napi::Value runPlan(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    Plan& plan = *external<PlanRef>(info[0]);
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

Napi::Value releasePlan(const Napi::CallbackInfo& info) { return releaseExternal<PlanRef>(info); }
Napi::Value releaseKept(const Napi::CallbackInfo& info) { return releaseExternal<KeptRef>(info); }

}  // namespace lowbit::node
