// Dropout on the card: a thread has the four elements of a Philox block, so that masks are the CPU's. The state is the card's to read.
#include "../../core/types.h"
#include "../../cuda/card.h"
#include "../../cuda/few.cuh"
#include "../../op.h"
#include "mask.h"

namespace lowbit {
namespace {

template <class T>
__global__ void dropBlocks(const T* __restrict__ x, T* __restrict__ y, int64_t size, View state, double stream, double rate,
                           Computed<T> factor) {
  const DropoutMask mask(state, stream, rate);
  eachFew(size, [&](int64_t i, auto width) {
    const Philox words = mask.block(i / 4);
    Few<T, width> few = readFew<width>(x + i);
    for (int k = 0; k < width; k++) {
      const bool kept = words.word[width == 4 ? k : i % 4] >= mask.least;
      few.of[k] = static_cast<T>(kept ? static_cast<Computed<T>>(few.of[k]) * factor : Computed<T>{0});
    }
    writeFew(y + i, few);
  });
}
static_assert(kFew == 4);

}  // namespace

bool dropout_cuda(const dropout_call& c) {
  EXPECT(c.x.size() == c.y.size());
  if (c.x.size()) copyCard(c.y.data, c.x.data, static_cast<size_t>(c.x.size() * elementBytes(c.x.dtype)), CopyTo::sameCard);
  return true;
}

bool dropoutTraining_cuda(const dropoutTraining_call& c) {
  EXPECT(c.x.size() == c.y.size() && c.state.size() == 3);
  asReal(c.x.dtype, [&]<class T>(Type<T>) {
    const auto factor = static_cast<Computed<T>>(1 / (1 - static_cast<double>(c.rate)));
    if (c.x.size()) run(dropBlocks<T>, launchOverFew(c.x.size()), c.x.as<T>(), c.y.as<T>(), c.x.size(), c.state, c.stream, c.rate, factor);
  });
  return true;
}

}  // namespace lowbit
