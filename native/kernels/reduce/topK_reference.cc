// y = the positions of the k largest or smallest elements along an axis, int64, the best first and of equal ones the first first.
// NaN counts as larger than every number.
#include <algorithm>

#include "../../core/axis.h"
#include "../../core/scratch.h"
#include "../../core/wide.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {

bool topK_reference(const topK_call& c) {
  const Axis axis = axisOf(c.x, c.axis.integer());
  const int64_t k = c.k.integer(), lanes = axis.outer * axis.inner;
  const bool largest = c.largest != 0;
  EXPECT(k >= 0 && k <= axis.size && c.y.size() == lanes * k);
  if (!c.y.size()) return true;
  // For each lane a heap of the best positions so far, the worst of them on top, and the elements.
  int64_t* const heaps = static_cast<int64_t*>(scratch(static_cast<size_t>(lanes * (k + axis.size)) * sizeof(int64_t)));
  asWide(c.x.dtype, [&]<class W>(Type<W>) {
    W* const elements = reinterpret_cast<W*>(heaps + lanes * k);
    parallel(lanes, kElementGrain / axis.size + 1, [&](int64_t begin, int64_t end) {
      for (int64_t lane = begin; lane < end; lane++) {
        const int64_t row = lane / axis.inner, column = lane % axis.inner;
        W* x = elements + lane * axis.size;
        widen(c.x, row * axis.size * axis.inner + column, axis.inner, axis.size, x);
        auto better = [=](int64_t i, int64_t j) {
          const W a = x[i], b = x[j];
          const bool aNaN = a != a, bNaN = b != b;
          if (aNaN != bNaN) return aNaN == largest;
          if (a == b || aNaN) return i < j;
          return largest ? a > b : a < b;
        };
        int64_t* heap = heaps + lane * k;
        for (int64_t i = 0; i < k; i++) heap[i] = i;
        std::make_heap(heap, heap + k, better);
        for (int64_t i = k; i < axis.size; i++) {
          if (!better(i, heap[0])) continue;
          std::pop_heap(heap, heap + k, better);
          heap[k - 1] = i;
          std::push_heap(heap, heap + k, better);
        }
        std::sort_heap(heap, heap + k, better);
        int64_t* y = c.y.as<int64_t>() + row * k * axis.inner + column;
        for (int64_t i = 0; i < k; i++) y[i * axis.inner] = heap[i];
      }
    });
  });
  return true;
}

}  // namespace lowbit
