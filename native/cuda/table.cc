// What the library hands over: its rows, which are the cuda rows of ops.inc, and the card.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>

#include "../fault.h"
#include "../op.h"
#include "card.h"
#include "launch.h"

namespace lowbit {

#define CUDA_KERNEL(op, needs, variant) bool op##_##variant(const op##_call& call);
#include "rows.inc"
#undef CUDA_KERNEL

namespace {

void say(CudaFault* fault, const char* code, const char* text) {
  snprintf(fault->code, sizeof fault->code, "%s", code);
  snprintf(fault->text, sizeof fault->text, "%s", text);
}

// Exceptions end here: what crosses to the addon is plain C.
template <class Body> int guarded(CudaFault* fault, Body&& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    say(fault, "out-of-memory", "the graphics card has no memory left for this call");
  } catch (const Fault& e) {
    const char* colon = strstr(e.what(), ": ");
    say(fault, std::string(e.what(), colon).c_str(), colon + 2);
  } catch (const std::exception& e) {
    say(fault, "internal", e.what());
  }
  return -1;
}

constexpr CudaRow kRows[] = {
#define CUDA_KERNEL(op, needs, variant)                                                                   \
  {#op, Needs::needs, #variant, [](const void* call, CudaFault* fault) {                                  \
     return guarded(fault, [&] { return op##_##variant(*static_cast<const op##_call*>(call)) ? 1 : 0; }); \
   }},
#include "rows.inc"
#undef CUDA_KERNEL
};

#if defined(LOWBIT_EMULATION)
constexpr int kEmulated = 1;
#else
constexpr int kEmulated = 0;
#endif

template <class Body> int done(CudaFault* fault, Body&& body) {
  return guarded(fault, [&] {
    body();
    return 0;
  });
}

std::atomic<Precision> precision{Precision::float32};

constexpr CudaTable kTable = {
    kCudaAbi,
    kEmulated,
    kRows,
    sizeof kRows / sizeof *kRows,
    [](CudaCard* card, CudaFault* fault) { return openCard(*card, *fault) ? 0 : -1; },
    takeCard,
    giveCard,
    [](void* to, const void* from, size_t bytes, CopyTo direction, CudaFault* fault) {
      return done(fault, [&] { copyCard(to, from, bytes, direction); });
    },
    [](CudaFault* fault) { return done(fault, waitCard); },
    [](const void* from, size_t bytes, void** fetched, CudaFault* fault) {
      return done(fault, [&] { *fetched = fetchCard(from, bytes); });
    },
    [](void* fetched, void* to, size_t bytes, CudaFault* fault) { return done(fault, [&] { collectCard(fetched, to, bytes); }); },
    [](CudaFault* fault) { return done(fault, beginCapture); },
    [](void** captured, CudaFault* fault) { return done(fault, [&] { *captured = endCapture(); }); },
    [](void* captured, CudaFault* fault) { return done(fault, [&] { replay(captured); }); },
    freeCapture,
    [](const Precision* wanted) {
      if (wanted) precision = *wanted;
      return precision.load();
    },
};

}  // namespace

CardScratch::CardScratch(size_t bytes) : memory_(takeCard(bytes)) {
  if (!memory_) throw std::bad_alloc();
}
CardScratch::~CardScratch() { giveCard(memory_); }
Precision cudaPrecision() { return precision; }
void copyToCard(void* to, const void* from, size_t bytes) { copyCard(to, from, bytes, CopyTo::card); }

}  // namespace lowbit

const lowbit::CudaTable* lowbit_cuda_table() { return &lowbit::kTable; }
