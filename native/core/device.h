// Where tensors lie and kernels run, and what a kernel row needs there: the columns of the op table.
#pragma once

namespace lowbit {

enum class Device { cpu, cuda };

// Of processors from old to new, then of graphics cards: sm80 runs on every card from compute capability 8.0, sm90a on 9.0 alone.
enum class Needs { any, avx2, avxvnni, avx512, avx512vnni, avx512popcnt, sm80, sm90a };

}  // namespace lowbit
