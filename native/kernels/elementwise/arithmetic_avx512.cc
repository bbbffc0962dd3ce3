#include "arithmetic_rows.h"

namespace lowbit {

bool add_avx512(const add_call& call) { return addRow(call); }
bool addRelu_avx512(const addRelu_call& call) { return addReluRow(call); }
bool sub_avx512(const sub_call& call) { return subRow(call); }
bool mul_avx512(const mul_call& call) { return mulRow(call); }
bool div_avx512(const div_call& call) { return divRow(call); }
bool pow_avx512(const pow_call& call) { return powRow(call); }

}  // namespace lowbit
