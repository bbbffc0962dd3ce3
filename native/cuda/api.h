// What a library of CUDA kernels offers the addon: one table of plain C. lowbit_cuda.so holds the kernels for graphics cards,
// lowbit_cuda_emulation.so the same sources built for the CPU. Neither throws, and nothing happens before `open`.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "../core/device.h"

namespace lowbit {

constexpr int kCudaAbi = 5;

// A fault as lib/calls.ts reads it: its code, and the text behind it.
struct CudaFault {
  char code[24];
  char text[232];
};

struct CudaCard {
  char name[96];
  int capability;  // 10·major + minor
  int multiprocessors;
  uint64_t bytes;
};

struct CudaRow {
  const char* op;
  Needs needs;
  const char* variant;
  // `call` is the op's call struct (op.h). 1: it ran (has been handed to the card), 0: it declines, -1: `fault` says why it failed
  int (*run)(const void* call, CudaFault* fault);
};

enum class CopyTo { card, host, sameCard };

constexpr size_t kFetchBytes = 4096;

// What the factors of float32 products are rounded to. lib/cuda.ts has the same order.
enum class Precision { float32, tf32, bf16 };

struct CudaTable {
  int abi;
  int emulated;
  const CudaRow* rows;
  int rowCount;
  // Functions that return int return 0, or -1 with a fault. `open` may be called again, from any thread.
  int (*open)(CudaCard* card, CudaFault* fault);
  // Memory of the card, 256-byte aligned; nullptr where there is none left. It may be given back while kernels that were started use it.
  void* (*take)(size_t bytes);
  void (*give)(void* memory);
  // After all that was started before. From the host: its memory may change when this returns. To the host: waits.
  int (*copy)(void* to, const void* from, size_t bytes, CopyTo direction, CudaFault* fault);
  int (*wait)(CudaFault* fault);
  // A few bytes (kFetchBytes) that the host comes back for: `fetch` starts the copy, after all that was started before, `collect` waits for
  // that copy alone and not for what was started since. Where `to` is null they are given up.
  int (*fetch)(const void* from, size_t bytes, void** fetched, CudaFault* fault);
  int (*collect)(void* fetched, void* to, size_t bytes, CudaFault* fault);
  // What this thread starts between the two is written down and does not run; each `replay` runs all of it. A copy from the host reads the
  // bytes that were there when it was written down. `endCapture` ends in any case; where it fails there is nothing to free.
  int (*beginCapture)(CudaFault* fault);
  int (*endCapture)(void** captured, CudaFault* fault);
  int (*replay)(void* captured, CudaFault* fault);
  void (*freeCapture)(void* captured);
  // For the whole process, float32 at first. Given nothing it only answers.
  Precision (*precision)(const Precision* wanted);
};

}  // namespace lowbit

extern "C" __attribute__((visibility("default"))) const lowbit::CudaTable* lowbit_cuda_table();
