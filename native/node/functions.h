// The functions that lib/native.ts calls.
#pragma once
#include <napi.h>

namespace lowbit::node {

Napi::Value schema(const Napi::CallbackInfo& info);
Napi::Value alloc(const Napi::CallbackInfo& info);
Napi::Value release(const Napi::CallbackInfo& info);
Napi::Value copy(const Napi::CallbackInfo& info);
Napi::Value move(const Napi::CallbackInfo& info);
Napi::Value fetch(const Napi::CallbackInfo& info);
Napi::Value collect(const Napi::CallbackInfo& info);
Napi::Value cuda(const Napi::CallbackInfo& info);
Napi::Value cudaPrecision(const Napi::CallbackInfo& info);
Napi::Value call(const Napi::CallbackInfo& info);
Napi::Value submit(const Napi::CallbackInfo& info);
Napi::Value createKept(const Napi::CallbackInfo& info);
Napi::Value createPlan(const Napi::CallbackInfo& info);
Napi::Value runPlan(const Napi::CallbackInfo& info);
Napi::Value submitPlan(const Napi::CallbackInfo& info);
Napi::Value keptBytes(const Napi::CallbackInfo& info);
Napi::Value releasePlan(const Napi::CallbackInfo& info);
Napi::Value releaseKept(const Napi::CallbackInfo& info);
Napi::Value settle(const Napi::CallbackInfo& info);
Napi::Value threads(const Napi::CallbackInfo& info);
Napi::Value peak(const Napi::CallbackInfo& info);
Napi::Value memory(const Napi::CallbackInfo& info);

}  // namespace lowbit::node
