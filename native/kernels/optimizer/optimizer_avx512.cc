#include "optimizer_vectors.h"

namespace lowbit {

bool sgd_avx512(const sgd_call& call) { return sgdVectors(call); }
bool adam_avx512(const adam_call& call) { return adamVectors(call); }
bool movingAverage_avx512(const movingAverage_call& call) { return movingAverageVectors(call); }
bool sumSquares_avx512(const sumSquares_call& call) { return sumSquaresVectors(call); }

}  // namespace lowbit
