#include "blocks.h"

namespace lowbit {
namespace {

template <class T> void select(const slbSelect_call& c) {
  const int64_t size = c.codes.size(), k = c.logits.shape[1];
  EXPECT(c.logits.rank == 3 && c.logits.shape[2] == kBlock && c.logits.shape[0] == (size + kBlock - 1) / kBlock);
  const T* logits = c.logits.as<T>();
  uint8_t* codes = c.codes.as<uint8_t>();
  parallel(size, kElementGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const T* of = logits + i / kBlock * k * kBlock + i % kBlock;
      int64_t best = k == 1 && of[0] > 0;
      for (int64_t code = 1; code < k; code++)
        if (of[code * kBlock] > of[best * kBlock]) best = code;
      codes[i] = static_cast<uint8_t>(best);
    }
  });
}

}  // namespace

bool slbExpectation_reference(const slbExpectation_call& c) {
  if (c.logits.dtype == Dtype::float64) expectation<double>(c);
  else expectation<float>(c);
  return true;
}

bool slbExpectationGrad_reference(const slbExpectationGrad_call& c) {
  if (c.logits.dtype == Dtype::float64) expectationGrad<double>(c);
  else expectationGrad<float>(c);
  return true;
}

bool slbConfidence_reference(const slbConfidence_call& c) {
  if (c.logits.dtype == Dtype::float64) confidence<double>(c);
  else confidence<float>(c);
  return true;
}

bool slbSelect_reference(const slbSelect_call& c) {
  if (c.logits.dtype == Dtype::float64) select<double>(c);
  else select<float>(c);
  return true;
}

bool slbSgdUpdate_reference(const slbSgdUpdate_call& c) {
  searchSgd(c);
  return true;
}

bool slbAdamUpdate_reference(const slbAdamUpdate_call& c) {
  searchAdam(c);
  return true;
}

}  // namespace lowbit
