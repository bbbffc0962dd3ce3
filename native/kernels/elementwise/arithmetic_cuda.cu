// Functions of two tensors of one type on the card, with broadcasting; ReLU, its gradient, and the sum before it. Integers wrap.
#include "../../core/wrap.h"
#include "../../cpu/f32/formula.h"
#include "../../op.h"
#include "map.cuh"

namespace lowbit {
namespace {

struct Sum {
  template <class T> DEVICE T operator()(T a, T b) const {
    return wrapping(a, b, [](auto p, auto q) { return p + q; });
  }
};
struct Difference {
  template <class T> DEVICE T operator()(T a, T b) const {
    return wrapping(a, b, [](auto p, auto q) { return p - q; });
  }
};
struct Product {
  template <class T> DEVICE T operator()(T a, T b) const {
    return wrapping(a, b, [](auto p, auto q) { return p * q; });
  }
};
struct Quotient {
  template <class T> DEVICE T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) return quotient(a, b);
    else return a / b;
  }
};
// NaN when either is NaN: of a comparison with NaN both outcomes below lead to it.
struct Larger {
  template <class T> DEVICE T operator()(T a, T b) const { return a > b || a != a ? a : b; }
};
struct Smaller {
  template <class T> DEVICE T operator()(T a, T b) const { return a < b || a != a ? a : b; }
};
// Of a division toward zero.
struct Remainder {
  template <class T> DEVICE T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) return remainder(a, b);
    else return fmod(a, b);
  }
};
struct FloorRemainder {
  template <class T> DEVICE T operator()(T a, T b) const {
    const T rest = Remainder()(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  }
};
struct ShiftLeft {
  template <class T> DEVICE T operator()(T a, T b) const { return b < 8 * sizeof(T) ? static_cast<T>(static_cast<uint64_t>(a) << b) : 0; }
};
struct ShiftRight {
  template <class T> DEVICE T operator()(T a, T b) const { return b < 8 * sizeof(T) ? static_cast<T>(a >> b) : 0; }
};
struct Sloped {
  template <class T> DEVICE T operator()(T x, T slope) const { return x < 0 ? Product()(x, slope) : x; }
};
struct Rectified {
  template <class T> DEVICE T operator()(T x) const { return x < 0 ? T(0) : x; }
};
struct RectifiedSum {
  template <class T> DEVICE T operator()(T a, T b) const { return rectified(a + b); }
};
struct Gated {
  template <class T> DEVICE T operator()(T gate, T x) const { return gated(gate, x); }
};

}  // namespace

bool add_cuda(const add_call& c) { return mapNumbers(Sum(), c.y, c.a, c.b); }
bool sub_cuda(const sub_call& c) { return mapNumbers(Difference(), c.y, c.a, c.b); }
bool mul_cuda(const mul_call& c) { return mapNumbers(Product(), c.y, c.a, c.b); }
bool div_cuda(const div_call& c) { return mapNumbers(Quotient(), c.y, c.a, c.b); }
bool maximum_cuda(const maximum_call& c) { return mapNumbers(Larger(), c.y, c.a, c.b); }
bool minimum_cuda(const minimum_call& c) { return mapNumbers(Smaller(), c.y, c.a, c.b); }
bool mod_cuda(const mod_call& c) {
  return c.fmod != 0 ? mapNumbers(Remainder(), c.y, c.a, c.b) : mapNumbers(FloorRemainder(), c.y, c.a, c.b);
}
// Bits of unsigned integers.
bool bitShift_cuda(const bitShift_call& c) {
  enum { left, right };
  asBits(c.y.dtype, [&]<class T>(Type<T>) {
    if (c.direction.integer() == left) compute<T, T, T>(ShiftLeft(), c.y, c.a, c.b);
    else compute<T, T, T>(ShiftRight(), c.y, c.a, c.b);
  });
  return true;
}
bool prelu_cuda(const prelu_call& c) { return mapNumbers(Sloped(), c.y, c.x, c.slope); }
bool relu_cuda(const relu_call& c) { return mapNumbers(Rectified(), c.y, c.x); }
bool addRelu_cuda(const addRelu_call& c) { return mapReals(RectifiedSum(), c.y, c.a, c.b); }
bool reluGrad_cuda(const reluGrad_call& c) { return mapReals(Gated(), c.dx, c.y, c.dy); }

}  // namespace lowbit
