// How a kernel row starts kernels on the card; they run one after another, and after all copies before them.
#pragma once
#include <tuple>
#include <utility>

#include "api.h"
#include "device.cuh"
#include "note.h"

namespace lowbit {

struct Launch {
  dim3 grid, block;
  size_t shared = 0;  // bytes of dynamic shared memory
};

#if defined(LOWBIT_EMULATION)

template <class... Parameters, class... Arguments>
void run(void (*kernel)(Parameters...), const Launch& launch, const Arguments&... arguments) {
  const std::function<void()> thread = [kernel, values = std::tuple<Parameters...>(static_cast<Parameters>(arguments)...)] {
    std::apply(kernel, values);
  };
  emulation::start([launch, thread] { emulation::launch(launch.grid, launch.block, launch.shared, thread); });
}

#else

// Throws Fault.
void start(const void* kernel, const Launch& launch, void** arguments);

template <class... Parameters, class... Arguments>
void run(void (*kernel)(Parameters...), const Launch& launch, const Arguments&... arguments) {
  std::tuple<Parameters...> values(static_cast<Parameters>(arguments)...);
  std::apply(
      [&](auto&... value) {
        void* addresses[] = {&value..., nullptr};
        start(reinterpret_cast<const void*>(kernel), launch, addresses);
      },
      values);
}

#endif

// Blocks of `block` threads for one thread an item; at most so many that each multiprocessor has plenty: kernels stride over the rest.
inline Launch launchOver(int64_t items, int block = 256) {
  const int64_t blocks = (items + block - 1) / block, most = 1 << 16;
  return {dim3(static_cast<unsigned>(blocks < most ? (blocks > 0 ? blocks : 1) : most)), dim3(static_cast<unsigned>(block)), 0};
}

// Memory of the card for the kernels of one call, given back behind them. Throws std::bad_alloc.
class CardScratch {
 public:
  explicit CardScratch(size_t bytes);
  ~CardScratch();
  CardScratch(const CardScratch&) = delete;
  CardScratch& operator=(const CardScratch&) = delete;

  template <class T> T* as() const { return static_cast<T*>(memory_); }

 private:
  void* memory_;
};

int cardMultiprocessors();
// What rows may round the factors of products to; those with the reference's bytes take every call all the same.
Precision cudaPrecision();
// Fills memory of the card with a byte.
void fillCard(void* memory, int byte, size_t bytes);
// Copies `bytes` from the host to the card in order with the kernels; the host's memory may change when this returns.
void copyToCard(void* to, const void* from, size_t bytes);
// The card's note of an index outside its tensor, for a kernel that may write it; the next copy to the host reads it.
IndexNote* indexNote();

}  // namespace lowbit

// for (index = this thread's first; index < count; index += all threads)
#define FOR_EACH(index, count)                                                                                              \
  for (int64_t index = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x, lowbitEnd = (count); index < lowbitEnd; \
       index += static_cast<int64_t>(gridDim.x) * blockDim.x)
