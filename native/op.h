// Turns the op table (ops.inc) into one call struct per op and one declaration per kernel row:
//
//   OP(relu, (x), (y), ())        ->  struct relu_call { View x; View y; Kept* kept; };
//   KERNEL(relu, cpu, any, reference)  ->  bool relu_reference(const relu_call&);
//
// A kernel returns false to decline a call before it has written anything; a reference never declines. Values that no kernel can work
// with (an index outside its tensor) are std::out_of_range, thrown before it goes parallel; TypeScript gets them as a fault "data".
#pragma once
#include "core/kept.h"
#include "core/view.h"

#define LOWBIT_PARENS ()
#define LOWBIT_EXPAND(...) LOWBIT_EXPAND2(LOWBIT_EXPAND2(LOWBIT_EXPAND2(__VA_ARGS__)))
#define LOWBIT_EXPAND2(...) LOWBIT_EXPAND1(LOWBIT_EXPAND1(LOWBIT_EXPAND1(__VA_ARGS__)))
#define LOWBIT_EXPAND1(...) __VA_ARGS__
#define LOWBIT_EACH(macro, ...) __VA_OPT__(LOWBIT_EXPAND(LOWBIT_EACH_NEXT(macro, __VA_ARGS__)))
#define LOWBIT_EACH_NEXT(macro, first, ...) macro(first) __VA_OPT__(LOWBIT_EACH_AGAIN LOWBIT_PARENS(macro, __VA_ARGS__))
#define LOWBIT_EACH_AGAIN() LOWBIT_EACH_NEXT
#define LOWBIT_UNWRAP(...) __VA_ARGS__

#define LOWBIT_VIEW(name) ::lowbit::View name;
#define LOWBIT_PARAM(name) ::lowbit::Param name;

#define OP(op, ins, out, pars)                    \
  struct op##_call {                              \
    LOWBIT_EACH(LOWBIT_VIEW, LOWBIT_UNWRAP ins)   \
    LOWBIT_EACH(LOWBIT_VIEW, LOWBIT_UNWRAP out)   \
    LOWBIT_EACH(LOWBIT_PARAM, LOWBIT_UNWRAP pars) \
    ::lowbit::Kept* kept = nullptr;               \
  };
#define OP_ANY(op, ins, out, pars)                \
  struct op##_call {                              \
    ::lowbit::Views LOWBIT_UNWRAP ins;            \
    LOWBIT_EACH(LOWBIT_VIEW, LOWBIT_UNWRAP out)   \
    LOWBIT_EACH(LOWBIT_PARAM, LOWBIT_UNWRAP pars) \
    ::lowbit::Kept* kept = nullptr;               \
  };
#define KERNEL(op, device, needs, variant) bool op##_##variant(const op##_call& call);

namespace lowbit {
#include "ops.inc"
}

#undef OP
#undef OP_ANY
#undef KERNEL
