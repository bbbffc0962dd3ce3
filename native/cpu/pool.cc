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

thread_local int limit = kMaxThreads;

// Who runs what: a number that rises by one with each job, the job's parts, and the first of them that nobody has taken.
struct Claim {
  uint64_t word;
  static Claim of(uint64_t job, int parts) { return {job << 16 | static_cast<uint64_t>(parts) << 8}; }
  uint64_t job() const { return word >> 16; }
  int parts() const { return word >> 8 & 255; }
  int next() const { return word & 255; }
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
    int64_t parts = std::min<int64_t>(threads(), grains);
    int64_t size = (grains + parts - 1) / parts * grain;
    parts = (n + size - 1) / size;
    if (parts <= 1 || busy_.test_and_set(std::memory_order_acquire)) {
      body(context, 0, n);
      return;
    }
    start(static_cast<int>(parts) - 1);
    body_ = body;
    context_ = context;
    n_ = n;
    size_ = size;
    pending_.store(static_cast<int>(parts), std::memory_order_relaxed);
    const uint64_t job = Claim{claim_.load(std::memory_order_relaxed)}.job() + 1;
    claim_.store(Claim::of(job, static_cast<int>(parts)).word);
    if (asleep_.load() > 0) {
      { std::lock_guard<std::mutex> lock(mutex_); }
      wake_.notify_all();
    }
    takeParts();
    for (int spin = 0; pending_.load(std::memory_order_acquire) > 0; spin++) {
      if (spin < kSpins) RELAX();
      else std::this_thread::yield();
    }
    busy_.clear(std::memory_order_release);
  }

 private:
  void start(int workers) {
    while (started_ < workers) {
      started_++;
      std::thread([this] { work(); }).detach();
    }
  }

  // Whoever takes a part may read the job: it stays until its last part is done.
  void takeParts() {
    for (Claim claim{claim_.load(std::memory_order_acquire)}; claim.next() < claim.parts();) {
      if (!claim_.compare_exchange_weak(claim.word, claim.word + 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
      const int64_t begin = claim.next() * size_;
      body_(context_, begin, std::min(begin + size_, n_));
      pending_.fetch_sub(1, std::memory_order_acq_rel);
      claim.word = claim_.load(std::memory_order_acquire);
    }
  }

  void work() {
    uint64_t seen = 0;
    const auto none = [&] { return Claim{claim_.load()}.job() == seen; };
    for (;;) {
      for (int spin = 0; spin < kSpins && none(); spin++) RELAX();
      if (none()) {
        std::unique_lock<std::mutex> lock(mutex_);
        asleep_.fetch_add(1);
        wake_.wait(lock, [&] { return !none(); });
        asleep_.fetch_sub(1);
      }
      seen = Claim{claim_.load()}.job();
      takeParts();
    }
  }

  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<uint64_t> claim_{0};
  std::atomic<int> pending_{0}, asleep_{0};
  int started_ = 0;
  // The job of claim_.
  void (*body_)(void*, int64_t, int64_t) = nullptr;
  void* context_ = nullptr;
  int64_t n_ = 0, size_ = 0;
};

}  // namespace

void parallelFor(int64_t n, int64_t grain, void (*body)(void*, int64_t, int64_t), void* context) {
  Pool::instance().run(n, grain, body, context);
}

int threads() { return std::min(Pool::instance().count.load(std::memory_order_relaxed), limit); }
void setThreads(int count) { Pool::instance().count.store(std::clamp(count, 1, kMaxThreads)); }
void limitThreads(int count) { limit = count > 0 ? std::min(count, kMaxThreads) : kMaxThreads; }

}  // namespace lowbit
