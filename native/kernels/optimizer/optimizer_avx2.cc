#include "optimizer_vectors.h"

namespace lowbit {

bool sgd_avx2(const sgd_call& call) { return sgdVectors(call); }
bool adam_avx2(const adam_call& call) { return adamVectors(call); }
bool movingAverage_avx2(const movingAverage_call& call) { return movingAverageVectors(call); }
bool sumSquares_avx2(const sumSquares_call& call) { return sumSquaresVectors(call); }

}  // namespace lowbit
