// The library of CUDA kernels, loaded when the op table is first asked for, and the card, which is not touched before somebody wants it: to
// wake a driver takes a good part of a second. Nothing here knows CUDA.
#pragma once
#include <string>

#include "../fault.h"
#include "api.h"

namespace lowbit {

struct CudaLibrary {
  const CudaTable* table = nullptr;
  // Why there is no table, in words for the user.
  std::string problem;
};

struct FoundCard {
  CudaCard card{};
  // Why there is none, in words for the user.
  std::string problem;

  bool usable() const { return problem.empty(); }
};

// LOWBIT_CUDA_LIB names another file than lowbit_cuda.so beside the addon; LOWBIT_DEVICE=cpu leaves it closed.
const CudaLibrary& cudaLibrary();
// Looks for the card when it is first called.
const FoundCard& cudaCard();

// Calls a function of the table. Throws Fault where it reports one.
template <class Body> void onCard(Body&& body) {
  CudaFault fault{};
  if (body(*cudaLibrary().table, &fault)) throw Fault(fault.code, fault.text);
}

}  // namespace lowbit
