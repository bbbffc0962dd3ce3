#include "environment.h"

namespace lowbit::node {

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

std::vector<PreparedCall> calls(const Napi::CallbackInfo& info) {
  auto words = info[0].As<Napi::Float64Array>();
  return readCalls(environmentOf(info).buffers, words.Data(), static_cast<size_t>(number(info, 1)));
}

Napi::Value enqueue(const Napi::CallbackInfo& info, Job&& job) {
  Napi::Env env = info.Env();
  napi_value promise;
  NAPI_THROW_IF_FAILED(env, napi_create_promise(env, &job.deferred, &promise), env.Undefined());
  job.done = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "lowbit", 0, 1);
  Executor::instance().push(new Job(std::move(job)));
  return Napi::Value(env, promise);
}

}  // namespace lowbit::node
