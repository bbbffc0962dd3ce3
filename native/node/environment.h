// What all functions of the addon share: the environment they are called in, arguments, and faults as errors.
#pragma once
#include <stdexcept>

#include "../call.h"
#include "executor.h"

namespace lowbit::node {

// What one environment (main thread or worker) owns.
struct Environment {
  BufferTable buffers;
  std::shared_ptr<Group> group;  // of the last job, if more will follow
  std::atomic<bool> cancelled{false};
};

inline Environment& environmentOf(const Napi::CallbackInfo& info) { return *info.Env().GetInstanceData<Environment>(); }

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

inline double number(const Napi::CallbackInfo& info, size_t i) { return info[i].ToNumber().DoubleValue(); }

struct Bytes {
  void* data;
  size_t count;
};

// The data pointer of a typed array, not .ArrayBuffer(): it also works on a SharedArrayBuffer.
Bytes bytesOf(napi_env env, napi_value value);

// The calls of arguments (words, count).
std::vector<PreparedCall> calls(const Napi::CallbackInfo& info);

// Hands a job to the executor; a promise that is resolved when it is done.
Napi::Value enqueue(const Napi::CallbackInfo& info, Job&& job);

// Objects of ours that JavaScript holds.
template <class T> T& external(const Napi::Value& value) {
  T& held = *value.As<Napi::External<T>>().Data();
  if (!held) throw Fault("disposed", "a session was used after dispose()");
  return held;
}
template <class T> Napi::Value wrapped(Napi::Env env, T&& value) {
  return Napi::External<T>::New(env, new T(std::move(value)), [](Napi::Env, T* held) { delete held; });
}

}  // namespace lowbit::node
