#include "../../cuda/elements.cuh"
#include "move.cuh"

namespace lowbit {

void moveAlong(const Strided<2>& plan, int64_t bytes, void* y, const void* x) {
  const int last = plan.rank - 1;
  if (plan.step(0) != 1 || plan.step(1) != 1) {  // no neighbours
    const auto move = [&]<class T>(Type<T>) { computeAlong<T, T>(plan, Same(), static_cast<T*>(y), static_cast<const T*>(x)); };
    return asWords(static_cast<uint64_t>(bytes), move);
  }
  uint64_t common = static_cast<uint64_t>(plan.shape[last] * bytes) | addressOf(x) | addressOf(y);
  for (int d = 0; d < last; d++)
    for (int k = 0; k < 2; k++) common |= static_cast<uint64_t>(plan.strides[k][d] * bytes);
  asWords(common, [&]<class Word>(Type<Word>) {
    const int64_t size = sizeof(Word);
    Strided<2> words = plan;
    words.shape[last] = plan.shape[last] * bytes / size;
    for (int d = 0; d < last; d++)
      for (int k = 0; k < 2; k++) words.strides[k][d] = plan.strides[k][d] * bytes / size;
    computeAlong<Word, Word>(words, Same(), static_cast<Word*>(y), static_cast<const Word*>(x));
  });
}

}  // namespace lowbit
