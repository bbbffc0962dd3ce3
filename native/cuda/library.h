// The library of CUDA kernels, opened when the op table is first asked for. Nothing here knows CUDA.
#pragma once
#include <string>

#include "../fault.h"
#include "api.h"

namespace lowbit {

struct CudaLibrary {
  const CudaTable* table = nullptr;
  CudaCard card{};
  // Why there is no table or no card, in words for the user.
  std::string problem;

  bool usable() const { return problem.empty(); }
};

// LOWBIT_CUDA_LIB names another file than lowbit_cuda.so beside the addon; LOWBIT_DEVICE=cpu leaves it closed.
const CudaLibrary& cudaLibrary();

// Calls a function of the table. Throws Fault where it reports one.
template <class Body> void onCard(Body&& body) {
  CudaFault fault{};
  if (body(*cudaLibrary().table, &fault)) throw Fault(fault.code, fault.text);
}

}  // namespace lowbit
