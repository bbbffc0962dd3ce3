#include "executor.h"

#include <thread>

namespace lowbit::node {

Executor& Executor::instance() {
  static Executor* executor = new Executor;
  return *executor;
}

void Executor::push(Job* job) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!started_) {
    started_ = true;
    std::thread([this] { work(); }).detach();
  }
  queue_.push_back(job);
  wake_.notify_one();
}

void Executor::drain(std::atomic<bool>* cancelled) {
  std::unique_lock<std::mutex> lock(mutex_);
  idle_.wait(lock, [&] {
    if (running_ && running_->cancelled == cancelled) return false;
    for (Job* job : queue_)
      if (job->cancelled == cancelled) return false;
    return true;
  });
}

void Executor::work() {
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

}  // namespace lowbit::node
