#include "copy.h"

#include <cstring>

#include "core/check.h"
#include "cuda/library.h"
#include "fault.h"

namespace lowbit {
namespace {

void copyCard(void* to, const void* from, size_t bytes, CopyTo direction) {
  CudaFault fault{};
  if (cudaLibrary().table->copy(to, from, bytes, direction, &fault)) throw Fault(fault.code, fault.text);
}

char* at(Buffer& buffer, size_t offset) { return static_cast<char*>(buffer.data()) + offset; }

}  // namespace

void copyIn(Buffer& to, size_t offset, const void* from, size_t bytes) {
  if (!bytes) return;
  if (to.device() == Device::cpu) std::memcpy(at(to, offset), from, bytes);
  else copyCard(at(to, offset), from, bytes, CopyTo::card);
}

void copyOut(void* to, Buffer& from, size_t offset, size_t bytes) {
  if (!bytes) return;
  if (from.device() == Device::cpu) std::memcpy(to, at(from, offset), bytes);
  else copyCard(to, at(from, offset), bytes, CopyTo::host);
}

void copyBuffer(Buffer& to, Buffer& from) {
  EXPECT(to.bytes() == from.bytes());
  if (!from.bytes()) return;
  if (to.device() == Device::cpu) copyOut(to.data(), from, 0, from.bytes());
  else if (from.device() == Device::cpu) copyIn(to, 0, from.data(), from.bytes());
  else copyCard(to.data(), from.data(), from.bytes(), CopyTo::sameCard);
}

}  // namespace lowbit
