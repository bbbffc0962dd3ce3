// Buffers of tensors, on the host or on a graphics card.
#include "../copy.h"
#include "../cuda/library.h"
#include "environment.h"
#include "functions.h"

namespace lowbit::node {
namespace {

Device deviceOf(const Napi::Value& value) { return !value.IsUndefined() && value.ToBoolean() ? Device::cuda : Device::cpu; }

using FetchRef = std::shared_ptr<Fetch>;

}  // namespace

// alloc(bytes, later, cuda) -> handle; `later`: memory is taken when a call first touches it; `cuda`: on the graphics card
Napi::Value alloc(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    double bytes = number(info, 0);
    if (!(bytes >= 0 && bytes < 1e15)) throw std::bad_alloc();
    auto buffer = std::make_shared<Buffer>(static_cast<size_t>(bytes), deviceOf(info[2]));
    if (!info[1].ToBoolean()) buffer->data();
    return Napi::Number::New(info.Env(), environmentOf(info).buffers.add(std::move(buffer)));
  });
}

Napi::Value release(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), environmentOf(info).buffers.remove(number(info, 0)));
}

// copy(handle, typedArray, write): all of the array, to or from the start of the buffer.
Napi::Value copy(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    const BufferRef& buffer = environmentOf(info).buffers.at(number(info, 0));
    const Bytes array = bytesOf(info.Env(), info[1]);
    if (array.count > buffer->bytes()) throw Fault("internal", "copy past the end of a buffer");
    const Memory mine = memoryOf(*buffer), theirs = hostMemory(array.data);
    if (info[2].ToBoolean()) copyBytes(mine, theirs, array.count);
    else copyBytes(theirs, mine, array.count);
    return info.Env().Undefined();
  });
}

// move(from, to): the elements of a buffer to another of its size, on any device.
Napi::Value move(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    BufferTable& buffers = environmentOf(info).buffers;
    Buffer &from = *buffers.at(number(info, 0)), &to = *buffers.at(number(info, 1));
    if (from.bytes() != to.bytes()) throw Fault("internal", "a move between buffers of two sizes");
    copyBytes(memoryOf(to), memoryOf(from), from.bytes());
    return info.Env().Undefined();
  });
}

// cuda() -> the graphics card in use, or why there is none
Napi::Value cuda(const Napi::CallbackInfo& info) {
  const FoundCard& found = cudaCard();
  Napi::Object out = Napi::Object::New(info.Env());
  if (!found.usable()) {
    out.Set("problem", found.problem);
    return out;
  }
  out.Set("name", found.card.name);
  out.Set("capability", found.card.capability / 10 + found.card.capability % 10 / 10.0);
  out.Set("multiprocessors", found.card.multiprocessors);
  out.Set("bytes", static_cast<double>(found.card.bytes));
  out.Set("emulated", cudaLibrary().table->emulated != 0);
  out.Set("inUse", static_cast<double>(memoryUse(Device::cuda).bytes));
  return out;
}

// cudaPrecision(precision?) -> its number in the library (cuda/api.h)
Napi::Value cudaPrecision(const Napi::CallbackInfo& info) {
  const CudaLibrary& library = cudaLibrary();
  Precision precision = Precision::float32;
  if (library.table) {
    const bool given = !info[0].IsUndefined();
    if (given) precision = static_cast<Precision>(number(info, 0));
    precision = library.table->precision(given ? &precision : nullptr);
  }
  return Napi::Number::New(info.Env(), static_cast<int>(precision));
}

// fetch(handle) -> what `collect` takes: a small buffer of the graphics card is on its way to the host
Napi::Value fetch(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    Buffer& buffer = *environmentOf(info).buffers.at(number(info, 0));
    return wrapped(info.Env(), std::make_shared<Fetch>(buffer));
  });
}

// collect(fetched, typedArray): waits for it
Napi::Value collect(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    const FetchRef fetched = std::move(external<FetchRef>(info[0]));
    const Bytes array = bytesOf(info.Env(), info[1]);
    if (array.count != fetched->bytes()) throw Fault("internal", "an array for other numbers");
    fetched->collect(array.data);
    return info.Env().Undefined();
  });
}

Napi::Value memory(const Napi::CallbackInfo& info) {
  std::string request = info.Length() > 0 && info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
  if (request == "trim") trimCache();
  if (request == "resetPeak") resetPeak();
  MemoryUse use = memoryUse();
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("buffers", static_cast<double>(use.buffers));
  out.Set("bytes", static_cast<double>(use.bytes));
  out.Set("peakBytes", static_cast<double>(use.peakBytes));
  out.Set("cachedBytes", static_cast<double>(use.cachedBytes));
  return out;
}

}  // namespace lowbit::node
