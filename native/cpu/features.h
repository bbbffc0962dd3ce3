// What this CPU can run, by name: the `needs` column of the op table.
#pragma once
#include "../core/device.h"

namespace lowbit {

bool cpuHas(Needs needs);
const char* needsName(Needs needs);

}  // namespace lowbit
