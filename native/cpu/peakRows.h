// Each makes so many rounds of multiply-adds and returns how many multiply-accumulates those were.
#pragma once
#include <stdint.h>

namespace lowbit {

int64_t peakReals_avx2(int64_t rounds);
int64_t peakReals_avx512(int64_t rounds);
int64_t peakCodes_avx2(int64_t rounds);
int64_t peakCodes_avxvnni(int64_t rounds);
int64_t peakCodes_avx512vnni(int64_t rounds);

}  // namespace lowbit
