// What cards of compute capability 9.0 have beyond device.cuh, for files *_sm90a.cu: barriers that count arrivals and bytes, boxes of
// matrices that come to shared memory by themselves, and products of warpgroups, 128 threads each, that read them there while the threads
// go on. Built for the CPU they are native/emulation/warpgroup.h.
#pragma once
#include "device.cuh"
#include "tensorMap.h"

#if defined(LOWBIT_EMULATION)

#include "../emulation/warpgroup.h"

#else

namespace lowbit {

// The shared memory whose size the launch gives, aligned for tiles of tensor maps.
DEVICE unsigned char* tileShared() {
  extern __shared__ __align__(1024) unsigned char lowbitTileShared[];
  return lowbitTileShared;
}

// A barrier in shared memory. A phase ends when as many threads have arrived as it was begun for, and all bytes have that were announced;
// phases are told apart by their parity, and the one before the first counts as ended.
struct PhaseBarrier {
  uint64_t state;

  // By one thread, before the block's first __syncthreads().
  DEVICE void begin(int arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\n" ::"r"(sharedAddress(this)), "r"(arrivals));
    asm volatile("fence.mbarrier_init.release.cluster;\n" ::: "memory");
  }
  DEVICE void arrive() { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];\n" ::"r"(sharedAddress(this)) : "memory"); }
  // And announces bytes that loadBox will bring.
  DEVICE void arriveExpecting(int bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;\n" ::"r"(sharedAddress(this)), "r"(bytes) : "memory");
  }
  // Until the phase of this parity has ended.
  DEVICE void wait(int parity) {
    uint32_t ended;
    do {
      asm volatile(
          "{\n.reg .pred p;\n"
          "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
          "selp.u32 %0, 1, 0, p;\n}\n"
          : "=r"(ended)
          : "r"(sharedAddress(this)), "r"(parity)
          : "memory");
    } while (!ended);
  }
};

// Starts to copy the box that begins at byte `k` of row `row`; its bytes arrive at the barrier. By one thread.
DEVICE void loadBox(void* to, const TensorMap& map, int k, int row, PhaseBarrier& arrived) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];\n" ::"r"(
                   sharedAddress(to)),
               "l"(&map), "r"(k), "r"(row), "r"(sharedAddress(&arrived))
               : "memory");
}

// Lets products see what this thread has written to shared memory; others arrive at a barrier behind it.
DEVICE void showToProducts() { asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory"); }

// A warpgroup leaves registers to others, or takes them: `each` a thread from here on.
template <int each> DEVICE void leaveRegisters() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;\n" ::"n"(each)); }
template <int each> DEVICE void takeRegisters() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;\n" ::"n"(each)); }

// Before the first product that touches sums which the threads have touched.
DEVICE void beginProducts() { asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory"); }
DEVICE void commitProducts() { asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory"); }
// Until at most `pending` groups of products are under way.
template <int pending> DEVICE void waitProducts() { asm volatile("wgmma.wait_group.sync.aligned %0;\n" ::"n"(pending) : "memory"); }
// Until none is: the sums may be read.
template <int count> DEVICE void finishProducts(int (&sums)[count]) {
  waitProducts<0>();
#pragma unroll
  for (int i = 0; i < count; i++) asm volatile("" : "+r"(sums[i])::"memory");
}

// Starts sum (64 × columns) = (more ? sum : 0) + a (64 × 32) · b (columns × 32)ᵀ for bytes of two tiles (tileOf). Thread t of the warpgroup
// has sums 4·j to 4·j + 3: columns 8·j + 2·(t % 4) and the next of row t / 32 · 16 + t % 32 / 4, then of the row 8 below.
#define LOWBIT_SUMS8(i)                                                                                                            \
  "+r"(sums[i]), "+r"(sums[i + 1]), "+r"(sums[i + 2]), "+r"(sums[i + 3]), "+r"(sums[i + 4]), "+r"(sums[i + 5]), "+r"(sums[i + 6]), \
      "+r"(sums[i + 7])
#define LOWBIT_SUMS32(i) LOWBIT_SUMS8(i), LOWBIT_SUMS8(i + 8), LOWBIT_SUMS8(i + 16), LOWBIT_SUMS8(i + 24)
#define LOWBIT_FIRST32 \
  "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define LOWBIT_FIRST64 \
  LOWBIT_FIRST32       \
  ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define LOWBIT_FIRST128                                                                                                                  \
  LOWBIT_FIRST64                                                                                                                         \
  ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79,%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,%91,%92,%93,%94,%95,%96" \
  ",%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111,%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,"     \
  "%123,%124,%125,%126,%127"
#define LOWBIT_WGMMA(name, types, columns, registers, a0, b0, m0, ...)                                                     \
  DEVICE void name(int(&sums)[columns / 2], uint64_t a, uint64_t b, bool more) {                                           \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " m0                                                                    \
                 ", 0;\n"                                                                                                  \
                 "wgmma.mma_async.sync.aligned.m64n" #columns "k32.s32." types " {" registers "}, " a0 ", " b0 ", p;\n}\n" \
                 : __VA_ARGS__                                                                                             \
                 : "l"(a), "l"(b), "r"(static_cast<int>(more)));                                                           \
  }
#define LOWBIT_WGMMAS(name, types)                                                                                                \
  LOWBIT_WGMMA(name, types, 64, LOWBIT_FIRST32, "%32", "%33", "%34", LOWBIT_SUMS32(0))                                            \
  LOWBIT_WGMMA(name, types, 128, LOWBIT_FIRST64, "%64", "%65", "%66", LOWBIT_SUMS32(0), LOWBIT_SUMS32(32))                        \
  LOWBIT_WGMMA(name, types, 256, LOWBIT_FIRST128, "%128", "%129", "%130", LOWBIT_SUMS32(0), LOWBIT_SUMS32(32), LOWBIT_SUMS32(64), \
               LOWBIT_SUMS32(96))
LOWBIT_WGMMAS(multiplyGroupS8S8, "s8.s8")
LOWBIT_WGMMAS(multiplyGroupU8S8, "u8.s8")
#undef LOWBIT_WGMMAS
#undef LOWBIT_WGMMA
#undef LOWBIT_FIRST128
#undef LOWBIT_FIRST64
#undef LOWBIT_FIRST32
#undef LOWBIT_SUMS32
#undef LOWBIT_SUMS8

}  // namespace lowbit

#endif

namespace lowbit {

// Where products find a tile: rows of kBoxBytes, laid out as tensorMapOf says. In units of 16 bytes: the address in bits 0 to 13, from
// eight rows to the next eight in bits 32 to 45; bit 62 says how chunks have changed places, and bits 16 to 29 are 1 then. 32 bytes further
// along k is tileOf(tile) + 2.
DEVICE uint64_t tileOf(const void* tile) {
  return (sharedAddress(tile) & 0x3ffff) >> 4 | uint64_t{1} << 16 | uint64_t{8 * kBoxBytes / 16} << 32 | uint64_t{1} << 62;
}
// Where byte 16·chunk of a tile's row lies, for threads that write one.
DEVICE int placeInTile(int row, int chunk) { return row * kBoxBytes + ((chunk ^ (row & 7)) << 4); }

}  // namespace lowbit
