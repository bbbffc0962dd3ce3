// Sums, differences, products and quotients of real numbers; ReLU, its gradient, and the sum before it.
#include "../../op.h"
#include "map.cuh"

namespace lowbit {
namespace {

struct Sum {
  template <class T> DEVICE T operator()(T a, T b) const { return a + b; }
};
struct Difference {
  template <class T> DEVICE T operator()(T a, T b) const { return a - b; }
};
struct Product {
  template <class T> DEVICE T operator()(T a, T b) const { return a * b; }
};
struct Quotient {
  template <class T> DEVICE T operator()(T a, T b) const { return a / b; }
};
struct Rectified {
  template <class T> DEVICE T operator()(T x) const { return x < 0 ? T(0) : x; }
};
struct Gated {
  template <class T> DEVICE T operator()(T gate, T x) const { return gate > 0 ? x : T(0); }
};
struct RectifiedSum {
  template <class T> DEVICE T operator()(T a, T b) const { return Rectified()(a + b); }
};

// Integers of many kinds have no row here: networks compute with real numbers on a card.
template <class F> bool zipReal(const View& a, const View& b, const View& y, F f) {
  if (!isReal(y.dtype)) return false;
  asReal(y.dtype, [&]<class T>(Type<T>) { zipOnCard<T, T, T>(a, b, y, f); });
  return true;
}

}  // namespace

bool add_cuda(const add_call& c) { return zipReal(c.a, c.b, c.y, Sum()); }
bool sub_cuda(const sub_call& c) { return zipReal(c.a, c.b, c.y, Difference()); }
bool mul_cuda(const mul_call& c) { return zipReal(c.a, c.b, c.y, Product()); }
bool div_cuda(const div_call& c) { return zipReal(c.a, c.b, c.y, Quotient()); }
bool addRelu_cuda(const addRelu_call& c) { return zipReal(c.a, c.b, c.y, RectifiedSum()); }
bool reluGrad_cuda(const reluGrad_call& c) { return zipReal(c.y, c.dy, c.dx, Gated()); }

bool relu_cuda(const relu_call& c) {
  if (!isReal(c.x.dtype)) return false;
  asReal(c.x.dtype, [&]<class T>(Type<T>) { mapOnCard<T, Computed<T>, T>(c.x, c.y, Rectified()); });
  return true;
}

}  // namespace lowbit
