#include "blocks.h"

namespace lowbit {

bool slbExpectation_avx512(const slbExpectation_call& c) {
  if (c.logits.dtype != Dtype::float32) return false;
  expectation<float>(c);
  return true;
}

bool slbExpectationGrad_avx512(const slbExpectationGrad_call& c) {
  if (c.logits.dtype != Dtype::float32) return false;
  expectationGrad<float>(c);
  return true;
}

bool slbConfidence_avx512(const slbConfidence_call& c) {
  if (c.logits.dtype != Dtype::float32) return false;
  confidence<float>(c);
  return true;
}

bool slbSgdUpdate_avx512(const slbSgdUpdate_call& c) {
  searchSgd(c);
  return true;
}

bool slbAdamUpdate_avx512(const slbAdamUpdate_call& c) {
  searchAdam(c);
  return true;
}

}  // namespace lowbit
