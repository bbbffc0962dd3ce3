// What the addon is: its op table, the processor it runs on.
#include "../cpu/features.h"
#include "../cpu/peak.h"
#include "../cpu/pool.h"
#include "../registry.h"
#include "environment.h"
#include "functions.h"

namespace lowbit::node {
namespace {

Napi::Array names(Napi::Env env, Names list) {
  Napi::Array out = Napi::Array::New(env, list.size());
  for (uint32_t i = 0; i < list.size(); i++) out.Set(i, list[i]);
  return out;
}

}  // namespace

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
  for (const Op& op : lowbit::ops()) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", op.name);
    entry.Set("anyInputs", op.anyInputs);
    entry.Set("inputs", names(env, op.inputs));
    entry.Set("params", names(env, op.params));
    Napi::Array rows = Napi::Array::New(env);
    for (uint32_t i = 0; i < op.rows.size(); i++) {
      Napi::Object row = Napi::Object::New(env);
      row.Set("device", op.rows[i].device == Device::cpu ? "cpu" : "cuda");
      row.Set("needs", needsName(op.rows[i].needs));
      row.Set("variant", op.rows[i].variant);
      // Of rows for cards only when somebody wants one: lib/op.ts asks for the card then.
      if (op.rows[i].device == Device::cpu) row.Set("runnable", op.rows[i].runnable());
      rows.Set(i, row);
    }
    entry.Set("rows", rows);
    ops.Set(next++, entry);
  }
  next = 0;
  for (Needs needs : {Needs::avx2, Needs::avxvnni, Needs::avx512, Needs::avx512vnni, Needs::avx512popcnt})
    if (cpuHas(needs)) features.Set(next++, needsName(needs));
  out.Set("dtypes", dtypes);
  out.Set("ops", ops);
  out.Set("features", features);
  return out;
}

Napi::Value threads(const Napi::CallbackInfo& info) {
  if (info.Length() > 0 && info[0].IsNumber()) setThreads(info[0].As<Napi::Number>().Int32Value());
  return Napi::Number::New(info.Env(), lowbit::threads());
}

// peak(products): 0 for fp32, 1 for int8
Napi::Value peak(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), lowbit::peak(static_cast<Products>(info[0].As<Napi::Number>().Int32Value())));
}

}  // namespace lowbit::node
