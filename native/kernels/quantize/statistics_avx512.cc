#include "statistics_tiles.h"

namespace lowbit {

bool minMax_avx512(const minMax_call& c) { return minMaxTiled(c); }
bool histogram_avx512(const histogram_call& c) { return histogramTiled(c); }

}  // namespace lowbit
