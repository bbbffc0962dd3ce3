#include "dropout_rows.h"

namespace lowbit {

bool dropoutTraining_avx2(const dropoutTraining_call& c) { return dropoutVectors(c); }

}  // namespace lowbit
