// What this CPU can run, by name: the `needs` column of the op table.
#pragma once

namespace lowbit {

// From old to new.
enum class Needs { any, avx2, avxvnni, avx512, avx512vnni, avx512popcnt };

bool cpuHas(Needs needs);
const char* needsName(Needs needs);

}  // namespace lowbit
