// Smooth functions and their slopes on vectors of float32. Memory is the limit of the cheap ones, some twenty to forty operations that of
// others.
#include "../../core/check.h"
#include "../../cpu/f32/formula.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "smooth.h"

namespace lowbit {
namespace {

constexpr int64_t kGrain = 4096;  // elements

// y[i] = f(x[i]); other types than float32 are the reference's.
template <class F> bool mapVectors(const View& x, const View& y, F f) {
  if (x.dtype != Dtype::float32) return false;
  EXPECT(y.size() == x.size());
  const float* from = x.as<float>();
  float* to = y.as<float>();
  parallel(x.size(), kGrain, [=](int64_t begin, int64_t end) {
    int64_t i = begin;
    for (; i + kWidth <= end; i += kWidth) Lanes(kWidth).store(to + i, f(load(from + i)));
    if (const Lanes last(end - i); i < end) last.store(to + i, f(last.load(from + i)));
  });
  return true;
}

// y[i] = dy[i]·slope(x[i])
template <class F> bool mapSlopes(const View& dy, const View& x, const View& y, F slope) {
  if (x.dtype != Dtype::float32) return false;
  EXPECT(dy.size() == x.size() && y.size() == x.size());
  const float *outer = dy.as<float>(), *from = x.as<float>();
  float* to = y.as<float>();
  parallel(x.size(), kGrain, [=](int64_t begin, int64_t end) {
    int64_t i = begin;
    for (; i + kWidth <= end; i += kWidth) Lanes(kWidth).store(to + i, load(outer + i) * slope(load(from + i)));
    if (const Lanes last(end - i); i < end) last.store(to + i, last.load(outer + i) * slope(last.load(from + i)));
  });
  return true;
}

}  // namespace
}  // namespace lowbit
