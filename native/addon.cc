// The addon: what lib/native.ts gets when it loads it. Here and in node/ alone is anything known of Node.
#include "node/environment.h"
#include "node/functions.h"

namespace lowbit::node {
namespace {

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
  exports.Set("releasePlan", Napi::Function::New(env, releasePlan));
  exports.Set("releaseKept", Napi::Function::New(env, releaseKept));
  exports.Set("settle", Napi::Function::New(env, settle));
  exports.Set("threads", Napi::Function::New(env, threads));
  exports.Set("peak", Napi::Function::New(env, peak));
  exports.Set("memory", Napi::Function::New(env, memory));
  return exports;
}

}  // namespace
}  // namespace lowbit::node

using lowbit::node::init;
NODE_API_MODULE(lowbit, init)
