// y = one number for all elements of x along some axes. Elements are taken in the order of x; real sums and products are formed in
// double and rounded once, so a result does not depend on threads or on where a tensor was cut.
//
// The innermost kept dimensions are the columns of a block; the other kept ones lead to it, the reduced ones are walked inside.
#include <limits>

#include "../../core/strided.h"
#include "../../core/types.h"
#include "../../op.h"
#include "columns.h"

namespace lowbit {
namespace {

struct Reduction {
  Strided<1> kept, reduced;
  int64_t outer = 1, width = 1, count = 1;  // kept elements before the columns, columns, elements behind a result
};

// Which dimensions of x disappear.
struct Axes {
  bool reduces[kMaxRank] = {};
  bool operator[](int d) const { return reduces[d]; }
};

Axes axesOf(const View& x, const Param& list) {
  Axes axes;
  for (int i = 0; i < list.count; i++) {
    const int64_t axis = list[i] < 0 ? list[i] + x.rank : list[i];
    EXPECT(axis >= 0 && axis < x.rank);
    axes.reduces[axis] = true;
  }
  return axes;
}

// Those that broadcasting y to the shape of x repeated.
Axes axesOf(const View& x, const View& y) {
  Axes axes;
  EXPECT(y.rank <= x.rank);
  for (int d = 1; d <= x.rank; d++) {
    axes.reduces[x.rank - d] = d > y.rank || y.dim(-d) != x.dim(-d);
    EXPECT(d > y.rank || y.dim(-d) == x.dim(-d) || y.dim(-d) == 1);
  }
  return axes;
}

Reduction reductionOf(const View& x, const Axes& reduces) {
  Reduction out;
  int columns = x.rank;  // the first of the dimensions that make up the columns
  while (columns > 0 && !reduces[columns - 1]) columns--;
  out.width = x.count(columns, x.rank);
  for (int d = 0; d < columns; d++) {
    const int64_t stride = x.count(d + 1, x.rank);
    (reduces[d] ? out.reduced : out.kept).push(x.shape[d], {stride});
    (reduces[d] ? out.count : out.outer) *= x.shape[d];
  }
  return out;
}

// add(state, element) over the elements in order, from `start`; finish(state, count) is the result.
template <class T, class State, class Add, class Finish>
void reduce(const View& x, const View& y, const Axes& axes, State start, Add add, Finish finish) {
  const Reduction plan = reductionOf(x, axes);
  EXPECT(y.size() == plan.outer * plan.width);
  eachBlock(plan.outer, plan.width, plan.count, [&](int64_t row, int64_t column, int64_t columns) {
    State states[kColumns];
    std::fill_n(states, columns, start);
    plan.kept.walk(row, row + 1, [&](int64_t, const int64_t* base, int64_t) {
      const T* from = x.as<T>() + base[0] + column;
      const int64_t step = plan.reduced.step(0);
      plan.reduced.walk(0, plan.count, [&](int64_t, const int64_t* at, int64_t count) {
        const T* p = from + at[0];
        if (columns == 1) {
          State state = states[0];
          for (int64_t i = 0; i < count; i++) state = add(state, static_cast<Computed<T>>(p[i * step]));
          states[0] = state;
        } else {
          for (int64_t i = 0; i < count; i++, p += step)
            for (int64_t j = 0; j < columns; j++) states[j] = add(states[j], static_cast<Computed<T>>(p[j]));
        }
      });
    });
    T* out = y.as<T>() + row * plan.width + column;
    for (int64_t j = 0; j < columns; j++) out[j] = static_cast<T>(finish(states[j], plan.count));
  });
}

// Where a maximum starts: -infinity, or the least integer. T is a computing type: float, double or an integer.
template <class T> constexpr T least() {
  return std::is_integral_v<T> ? std::numeric_limits<T>::min() : -std::numeric_limits<T>::infinity();
}
template <class T> constexpr T greatest() {
  return std::is_integral_v<T> ? std::numeric_limits<T>::max() : std::numeric_limits<T>::infinity();
}

// Integers: the wrapped sum over the count, toward zero; the mean of no integers is 0, that of no real numbers NaN.
template <class T> auto meanOf(Total<T> sum, int64_t count) {
  if constexpr (!std::is_integral_v<T>) return sum / static_cast<double>(count);
  else if constexpr (std::is_signed_v<T>) return count ? static_cast<int64_t>(sum) / count : 0;
  else return count ? sum / static_cast<uint64_t>(count) : 0;
}

constexpr auto same = [](auto state, int64_t) { return state; };

}  // namespace

bool reduceSum_reference(const reduceSum_call& c) {
  asNumber(c.x.dtype, [&]<class T>(Type<T>) {
    using S = Total<Computed<T>>;
    reduce<T>(
        c.x, c.y, axesOf(c.x, c.axes), S{0}, [](S sum, Computed<T> x) { return sum + static_cast<S>(x); }, same);
  });
  return true;
}

bool sumTo_reference(const sumTo_call& c) {
  asNumber(c.x.dtype, [&]<class T>(Type<T>) {
    using S = Total<Computed<T>>;
    reduce<T>(
        c.x, c.y, axesOf(c.x, c.y), S{0}, [](S sum, Computed<T> x) { return sum + static_cast<S>(x); }, same);
  });
  return true;
}

bool reduceMean_reference(const reduceMean_call& c) {
  asNumber(c.x.dtype, [&]<class T>(Type<T>) {
    using S = Total<Computed<T>>;
    reduce<T>(
        c.x, c.y, axesOf(c.x, c.axes), S{0}, [](S sum, Computed<T> x) { return sum + static_cast<S>(x); }, meanOf<Computed<T>>);
  });
  return true;
}

bool reduceProd_reference(const reduceProd_call& c) {
  asNumber(c.x.dtype, [&]<class T>(Type<T>) {
    using S = Total<Computed<T>>;
    reduce<T>(
        c.x, c.y, axesOf(c.x, c.axes), S{1}, [](S product, Computed<T> x) { return product * static_cast<S>(x); }, same);
  });
  return true;
}

// The first NaN stays: no comparison with it holds, and x != x lets it in.
bool reduceMax_reference(const reduceMax_call& c) {
  asNumber(c.x.dtype, [&]<class T>(Type<T>) {
    using C = Computed<T>;
    reduce<T>(
        c.x, c.y, axesOf(c.x, c.axes), least<C>(), [](C most, C x) { return x > most || x != x ? x : most; }, same);
  });
  return true;
}

bool reduceMin_reference(const reduceMin_call& c) {
  asNumber(c.x.dtype, [&]<class T>(Type<T>) {
    using C = Computed<T>;
    reduce<T>(
        c.x, c.y, axesOf(c.x, c.axes), greatest<C>(), [](C most, C x) { return x < most || x != x ? x : most; }, same);
  });
  return true;
}

}  // namespace lowbit
