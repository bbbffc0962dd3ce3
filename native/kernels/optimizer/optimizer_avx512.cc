#include "optimizer_vectors.h"

namespace lowbit {

bool sgdUpdate_avx512(const sgdUpdate_call& call) { return sgdVectors(call); }
bool adamUpdate_avx512(const adamUpdate_call& call) { return adamVectors(call); }
bool movingAverage_avx512(const movingAverage_call& call) { return movingAverageVectors(call); }
bool sumSquares_avx512(const sumSquares_call& call) { return sumSquaresVectors(call); }

}  // namespace lowbit
