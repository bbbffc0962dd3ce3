#include "pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#define RELAX() _mm_pause()
#else
#define RELAX() std::this_thread::yield()
#endif

namespace lowbit {
namespace {

constexpr int kMaxThreads = 64;
constexpr int kSpins = 4000;  // about 50 us: long enough to span the gap between two layers

int defaultThreads() {
  if (const char* text = std::getenv("LOWBIT_THREADS")) {
    int count = std::atoi(text);
    if (count >= 1) return std::min(count, kMaxThreads);
  }
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : static_cast<int>(std::thread::hardware_concurrency());
  return std::clamp(count, 1, kMaxThreads);
}

struct Job {
  void (*body)(void*, int64_t, int64_t);
  void* context;
  int64_t n, run;  // run i covers [i*run, min(n, (i+1)*run))
};

// Never destroyed and its threads never joined: the process may exit while a kernel runs.
class Pool {
 public:
  static Pool& instance() {
    static Pool* pool = new Pool;
    return *pool;
  }

  std::atomic<int> count{defaultThreads()};

  void run(int64_t n, int64_t grain, void (*body)(void*, int64_t, int64_t), void* context) {
    if (n <= 0) return;
    grain = std::max<int64_t>(grain, 1);
    int64_t grains = (n + grain - 1) / grain;
    int64_t parts = std::min<int64_t>(count.load(std::memory_order_relaxed), grains);
    int64_t size = (grains + parts - 1) / parts * grain;
    parts = (n + size - 1) / size;
    if (parts <= 1 || busy_.test_and_set(std::memory_order_acquire)) {
      body(context, 0, n);
      return;
    }
    start(static_cast<int>(parts) - 1);
    job_ = {body, context, n, size};
    pending_.store(static_cast<int>(parts) - 1, std::memory_order_relaxed);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      active_ = static_cast<int>(parts) - 1;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    body(context, 0, std::min(size, n));
    for (int spin = 0; pending_.load(std::memory_order_acquire) > 0; spin++) {
      if (spin < kSpins) RELAX();
      else std::this_thread::yield();
    }
    busy_.clear(std::memory_order_release);
  }

 private:
  void start(int workers) {
    while (static_cast<int>(started_) < workers) {
      int index = static_cast<int>(started_++);
      std::thread([this, index, seen = generation_.load()] { work(index, seen); }).detach();
    }
  }

  void work(int index, uint64_t seen) {
    for (;;) {
      for (int spin = 0; spin < kSpins && generation_.load(std::memory_order_acquire) == seen; spin++) RELAX();
      int active;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_relaxed) != seen; });
        seen = generation_.load(std::memory_order_relaxed);
        active = active_;
      }
      if (index >= active) continue;
      Job job = job_;
      int64_t begin = (index + 1) * job.run;
      job.body(job.context, begin, std::min(begin + job.run, job.n));
      pending_.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<uint64_t> generation_{0};
  std::atomic<int> pending_{0};
  int active_ = 0;
  size_t started_ = 0;
  Job job_{};
};

}  // namespace

void parallelFor(int64_t n, int64_t grain, void (*body)(void*, int64_t, int64_t), void* context) {
  Pool::instance().run(n, grain, body, context);
}

int threads() { return Pool::instance().count.load(); }
void setThreads(int count) { Pool::instance().count.store(std::clamp(count, 1, kMaxThreads)); }

}  // namespace lowbit
