#include "features.h"

#include <cstdlib>
#include <cstring>

namespace lowbit {
namespace {

constexpr Needs kAll[] = {Needs::any, Needs::avx2, Needs::avxvnni, Needs::avx512, Needs::avx512vnni, Needs::avx512popcnt};

// LOWBIT_CPU names the newest instructions that may be used; lib/native.ts refuses other names.
Needs newestAllowed() {
  const char* name = std::getenv("LOWBIT_CPU");
  for (Needs needs : kAll)
    if (name && !std::strcmp(name, needsName(needs))) return needs;
  return Needs::avx512popcnt;
}

bool processorHas(Needs needs) {
#if defined(__x86_64__)
  // __builtin_cpu_supports asks cpuid and also whether the operating system saves the registers.
  static const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  static const bool avxvnni = avx2 && __builtin_cpu_supports("avxvnni");
  static const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  static const bool avx512vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  static const bool avx512popcnt = avx512vnni && __builtin_cpu_supports("avx512vpopcntdq");
#else
  constexpr bool avx2 = false, avxvnni = false, avx512 = false, avx512vnni = false, avx512popcnt = false;
#endif
  switch (needs) {
    case Needs::any: return true;
    case Needs::avx2: return avx2;
    case Needs::avxvnni: return avxvnni;
    case Needs::avx512: return avx512;
    case Needs::avx512vnni: return avx512vnni;
    case Needs::avx512popcnt: return avx512popcnt;
    case Needs::sm80:
    case Needs::sm90a: return false;
  }
  return false;
}

}  // namespace

bool cpuHas(Needs needs) {
  static const Needs newest = newestAllowed();
  return needs <= newest && processorHas(needs);
}

const char* needsName(Needs needs) {
  switch (needs) {
    case Needs::any: return "any";
    case Needs::avx2: return "avx2";
    case Needs::avxvnni: return "avxvnni";
    case Needs::avx512: return "avx512";
    case Needs::avx512vnni: return "avx512vnni";
    case Needs::avx512popcnt: return "avx512popcnt";
    case Needs::sm80: return "sm80";
    case Needs::sm90a: return "sm90a";
  }
  return "?";
}

}  // namespace lowbit
