// Tensor maps are encoded by the driver, which is asked for its function: the library is not linked with it.
#include "tensorMap.h"

#include <cuda.h>
#include <cuda_runtime.h>

#include "../fault.h"

namespace lowbit {
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

Encode encodeOfDriver() {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult answer;
  const cudaError_t status = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found, 12000, cudaEnableDefault, &answer);
  if (status != cudaSuccess || answer != cudaDriverEntryPointSuccess) throw Fault("cuda", "the NVIDIA driver makes no tensor maps");
  return reinterpret_cast<Encode>(found);
}

}  // namespace

TensorMap tensorMapOf(const void* data, int64_t depth, int64_t rows, int boxRows) {
  static const Encode encode = encodeOfDriver();
  const cuuint64_t sizes[] = {static_cast<cuuint64_t>(depth), static_cast<cuuint64_t>(rows)}, pitch[] = {sizes[0]};
  const cuuint32_t box[] = {kBoxBytes, static_cast<cuuint32_t>(boxRows)}, everyElement[] = {1, 1};
  static_assert(sizeof(TensorMap) == sizeof(CUtensorMap) && alignof(TensorMap) >= alignof(CUtensorMap));
  TensorMap map;
  const CUresult status = encode(reinterpret_cast<CUtensorMap*>(&map), CU_TENSOR_MAP_DATA_TYPE_UINT8, 2, const_cast<void*>(data), sizes,
                                 pitch, box, everyElement, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                                 CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status != CUDA_SUCCESS) throw Fault("internal", "the NVIDIA driver refuses a tensor map");
  return map;
}

}  // namespace lowbit
