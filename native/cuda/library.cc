#include "library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>

#include "../core/buffer.h"

namespace lowbit {
namespace {

// lowbit_cuda.so lies in the folder of this addon.
std::string besideAddon() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<void*>(&besideAddon), &info) || !info.dli_fname) return "lowbit_cuda.so";
  const std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/') + 1) + "lowbit_cuda.so";
}

CudaLibrary loaded() {
  CudaLibrary library;
  const char* device = std::getenv("LOWBIT_DEVICE");
  if (device && !std::strcmp(device, "cpu")) {
    library.problem = "LOWBIT_DEVICE is cpu";
    return library;
  }
  const char* asked = std::getenv("LOWBIT_CUDA_LIB");
  const std::string path = asked && *asked ? asked : besideAddon();
  void* file = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!file) {
    library.problem =
        asked && *asked ? std::string(dlerror()) : "lowbit_cuda.so, which has its kernels, is not there: this build was made without nvcc";
    return library;
  }
  const auto table = reinterpret_cast<decltype(&lowbit_cuda_table)>(dlsym(file, "lowbit_cuda_table"));
  library.table = table ? table() : nullptr;
  if (!library.table || library.table->abi != kCudaAbi) {
    library.table = nullptr;
    library.problem = path + " belongs to another version of lowbit";
  }
  return library;
}

FoundCard found() {
  FoundCard card;
  const CudaLibrary& library = cudaLibrary();
  CudaFault fault{};
  if (!library.table) card.problem = library.problem;
  else if (library.table->open(&card.card, &fault)) card.problem = fault.text;
  else useCard({library.table->take, library.table->give});
  return card;
}

}  // namespace

const CudaLibrary& cudaLibrary() {
  static const CudaLibrary* library = new CudaLibrary(loaded());
  return *library;
}

const FoundCard& cudaCard() {
  static const FoundCard* card = new FoundCard(found());
  return *card;
}

}  // namespace lowbit
