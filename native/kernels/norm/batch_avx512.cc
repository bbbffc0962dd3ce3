#include "batch_vectors.h"

namespace lowbit {

bool batchNorm_avx512(const batchNorm_call& call) { return batchNormVectors(call); }
bool batchStatistics_avx512(const batchStatistics_call& call) { return batchStatisticsVectors(call); }
bool batchNormTraining_avx512(const batchNormTraining_call& call) { return batchNormTrainingVectors(call); }
bool batchNormSums_avx512(const batchNormSums_call& call) { return batchNormSumsVectors(call); }
bool batchNormInputGrad_avx512(const batchNormInputGrad_call& call) { return batchNormInputGradVectors(call); }

}  // namespace lowbit
