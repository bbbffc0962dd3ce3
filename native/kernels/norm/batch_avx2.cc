#include "batch_vectors.h"

namespace lowbit {

bool batchNorm_avx2(const batchNorm_call& call) { return batchNormVectors(call); }
bool batchStatistics_avx2(const batchStatistics_call& call) { return batchStatisticsVectors(call); }
bool batchNormTraining_avx2(const batchNormTraining_call& call) { return batchNormTrainingVectors(call); }
bool batchNormSums_avx2(const batchNormSums_call& call) { return batchNormSumsVectors(call); }
bool batchNormInputGrad_avx2(const batchNormInputGrad_call& call) { return batchNormInputGradVectors(call); }

}  // namespace lowbit
