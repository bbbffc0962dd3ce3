#include "copy.h"

#include <cstring>

#include "core/check.h"
#include "cuda/library.h"
#include "fault.h"

namespace lowbit {

void copyBytes(const Memory& to, const Memory& from, size_t bytes) {
  if (!bytes) return;
  if (to.device == Device::cpu && from.device == Device::cpu) {
    std::memcpy(to.data, from.data, bytes);
    return;
  }
  const auto direction = to.device == Device::cpu ? CopyTo::host : from.device == Device::cpu ? CopyTo::card : CopyTo::sameCard;
  onCard([&](const CudaTable& card, CudaFault* fault) { return card.copy(to.data, from.data, bytes, direction, fault); });
}

Fetch::Fetch(Buffer& from) : bytes_(from.bytes()) {
  EXPECT(from.device() == Device::cuda && bytes_ <= kFetchBytes);
  onCard([&](const CudaTable& card, CudaFault* fault) { return card.fetch(from.data(), bytes_, &fetched_, fault); });
}
Fetch::~Fetch() {
  CudaFault fault{};
  if (fetched_) cudaLibrary().table->collect(fetched_, nullptr, 0, &fault);
}
void Fetch::collect(void* to) {
  EXPECT(fetched_);
  void* const fetched = fetched_;
  fetched_ = nullptr;
  onCard([&](const CudaTable& card, CudaFault* fault) { return card.collect(fetched, to, bytes_, fault); });
}

}  // namespace lowbit
