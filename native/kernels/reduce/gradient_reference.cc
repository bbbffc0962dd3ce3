// Gradients of reductions that look at x again: dx has the shape of x, dy and y one element for each result.
#include "../../core/types.h"
#include "../../op.h"
#include "columns.h"
#include "reduction.h"

namespace lowbit {
namespace {

// body(first, columns, visit) for blocks of neighbouring results: visit(f) calls f(at, j) for each element x[at] behind result first + j.
template <class F> void eachResults(const View& x, const View& dy, const Param& axes, F body) {
  const Reduction plan(x, axesOf(x, axes));
  EXPECT(dy.size() == plan.outer * plan.width);
  eachBlock(plan.outer, plan.width, plan.count, [&](int64_t row, int64_t column, int64_t columns) {
    const int64_t from = plan.start(row) + column;
    body(row * plan.width + column, columns, [&](auto&& f) {
      plan.eachRun(0, plan.count, [&](int64_t at, int64_t n) {
        for (int64_t i = 0; i < n; i++)
          for (int64_t j = 0; j < columns; j++) f(from + at + i * plan.step() + j, j);
      });
    });
  });
}

}  // namespace

// dx = dy / n at the n elements that equal the maximum (or minimum) y, 0 elsewhere
bool reduceMaxGrad_reference(const reduceMaxGrad_call& c) {
  EXPECT(c.y.size() == c.dy.size());
  asReal(c.dx.dtype, [&]<class T>(Type<T>) {
    auto number = [](T x) { return static_cast<double>(static_cast<Computed<T>>(x)); };
    const T *x = c.x.as<T>(), *y = c.y.as<T>(), *dy = c.dy.as<T>();
    T* dx = c.dx.as<T>();
    eachResults(c.x, c.dy, c.axes, [&](int64_t first, int64_t columns, auto visit) {
      double most[kColumns], share[kColumns] = {};
      for (int64_t j = 0; j < columns; j++) most[j] = number(y[first + j]);
      visit([&](int64_t at, int64_t j) { share[j] += number(x[at]) == most[j]; });
      for (int64_t j = 0; j < columns; j++) share[j] = number(dy[first + j]) / share[j];
      visit([&](int64_t at, int64_t j) { dx[at] = static_cast<T>(number(x[at]) == most[j] ? share[j] : 0); });
    });
  });
  return true;
}

// dx = dy·(the product of the other elements). With zeros left out of the product: product / x where there are none; at a single
// zero the product itself, and 0 elsewhere.
bool reduceProdGrad_reference(const reduceProdGrad_call& c) {
  asReal(c.dx.dtype, [&]<class T>(Type<T>) {
    auto number = [](T x) { return static_cast<double>(static_cast<Computed<T>>(x)); };
    const T *x = c.x.as<T>(), *dy = c.dy.as<T>();
    T* dx = c.dx.as<T>();
    eachResults(c.x, c.dy, c.axes, [&](int64_t first, int64_t columns, auto visit) {
      double product[kColumns];
      int64_t zeros[kColumns] = {};
      for (int64_t j = 0; j < columns; j++) product[j] = number(dy[first + j]);
      visit([&](int64_t at, int64_t j) {
        const double value = number(x[at]);
        if (value == 0) zeros[j]++;
        else product[j] *= value;
      });
      visit([&](int64_t at, int64_t j) {
        const double value = number(x[at]);
        const bool alone = zeros[j] == (value == 0);
        dx[at] = static_cast<T>(!alone ? 0 : value == 0 ? product[j] : product[j] / value);
      });
    });
  });
  return true;
}

}  // namespace lowbit
