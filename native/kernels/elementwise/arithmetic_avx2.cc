#include "arithmetic_rows.h"

namespace lowbit {

bool add_avx2(const add_call& call) { return addRow(call); }
bool addRelu_avx2(const addRelu_call& call) { return addReluRow(call); }
bool sub_avx2(const sub_call& call) { return subRow(call); }
bool mul_avx2(const mul_call& call) { return mulRow(call); }
bool div_avx2(const div_call& call) { return divRow(call); }
bool pow_avx2(const pow_call& call) { return powRow(call); }

}  // namespace lowbit
