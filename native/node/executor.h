// The thread that runs what promises wait for.
#pragma once
#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace lowbit::node {

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
  static Executor& instance();
  void push(Job* job);
  // Waits until no job of this environment, known by its flag, is queued or running.
  void drain(std::atomic<bool>* cancelled);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::deque<Job*> queue_;
  Job* running_ = nullptr;
  bool started_ = false;
};

}  // namespace lowbit::node
