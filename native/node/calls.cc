// Calls of ops, at once or on the executor's thread.
#include "environment.h"
#include "functions.h"

namespace lowbit::node {

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

}  // namespace lowbit::node
