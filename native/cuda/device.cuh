// What kernels are written with: CUDA's own names, and one wrapper for each instruction that has none. Built for graphics cards these are
// PTX; built for the CPU, to test without a card, they are native/emulation/device.h.
#pragma once
#include "../core/view.h"

#if defined(LOWBIT_EMULATION)

#include "../emulation/device.h"

#else

#include <cuda_runtime.h>

#if defined(__CUDACC__)

#define DEVICE __device__ __forceinline__
// An array in shared memory: SHARED(float, tile, [32][33]).
#define SHARED(type, name, dimensions) __shared__ type name dimensions

namespace lowbit {

// The shared memory whose size the launch gives, 128-byte aligned.
DEVICE unsigned char* dynamicShared() {
  extern __shared__ __align__(128) unsigned char lowbitDynamicShared[];
  return lowbitDynamicShared;
}

DEVICE uint32_t sharedAddress(const void* p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }

// Starts to copy 16 bytes to shared memory, zeros where not `from`; both are 16-byte aligned. They are there after the wait for their group,
// for other threads also after a barrier.
DEVICE void copyAsync16(void* to, const void* from, bool present) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(sharedAddress(to)), "l"(from), "r"(present ? 16 : 0));
}
DEVICE void commitCopies() { asm volatile("cp.async.commit_group;\n"); }
// Until at most `pending` groups of this thread are under way.
template <int pending> DEVICE void waitCopies() { asm volatile("cp.async.wait_group %0;\n" ::"n"(pending) : "memory"); }

// Four 8×8 tiles of 16-bit elements: lane l gives the address of row l % 8 of tile l / 8, and gets elements 2·(l % 4) and the next of row
// l / 4 of each.
DEVICE void loadTiles(uint32_t (&tiles)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
               : "r"(sharedAddress(row)));
}

// Products of a warp, sum (16×8) += a (16×K) · b (K×8); the fragments are those of the PTX manual. K is 32 for bytes, 256 for bits
// (sum += popc(a & b)), 8 for float32 rounded to tf32, 16 for pairs of bfloat16.
#define LOWBIT_MMA(name, instruction, Sum, sumConstraint)                                                                     \
  DEVICE void name(Sum(&sum)[4], const uint32_t(&a)[4], uint32_t b0, uint32_t b1) {                                           \
    asm volatile(instruction " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"                                       \
                 : "+" sumConstraint(sum[0]), "+" sumConstraint(sum[1]), "+" sumConstraint(sum[2]), "+" sumConstraint(sum[3]) \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));                                             \
  }
LOWBIT_MMA(multiplyS8S8, "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32", int, "r")
LOWBIT_MMA(multiplyU8S8, "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32", int, "r")
LOWBIT_MMA(multiplyBits, "mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc", int, "r")
LOWBIT_MMA(multiplyTf32, "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", float, "f")
LOWBIT_MMA(multiplyBf16, "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", float, "f")
#undef LOWBIT_MMA

// x rounded to the 10 bits of mantissa that multiplyTf32 reads.
DEVICE uint32_t tf32Of(float x) {
  uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;\n" : "=r"(bits) : "f"(x));
  return bits;
}
// Two numbers rounded to bfloat16, as multiplyBf16 reads them.
DEVICE uint32_t bf16Of(float low, float high) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;\n" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

}  // namespace lowbit

#endif
#endif
