// Linear layers of codes by warpgroups: cuda/warpgroupProducts.cuh.
#include "../../cuda/matrices.cuh"
#include "../../cuda/warpgroupProducts.cuh"

namespace lowbit {

bool qgemm_wgmma(const qgemm_call& c) {
  EXPECT(c.b.dtype == Dtype::int8);
  const CodeOutput output = outputOf(c);
  const int64_t k = c.b.shape[1], m = output.rows, n = output.columns;
  const bool whole = k && pieceOf(c.a.data, k) == 16 && pieceOf(c.b.data, k) == 16;
  if (!whole || m <= kFewRows || m > INT32_MAX || n > INT32_MAX || !suitsGroups(output, 1)) return false;

  withProducts(c.a, [&]<class Products>(Products) {
    Totals left, right;
    if (output.needsLeftTotals()) left.make<LeftWords<Products>>(c.a.data, m, k);
    if (output.needsRightTotals()) right.make<RightWords<Products>>(c.b.data, n, k);
    const BoxedRows rows{tensorMapOf(c.a.data, k, m, kTileRows)};
    multiplyInGroups<Products>(GroupProduct<BoxedRows>{rows, c.b.data, output, {left.get(), right.get()}, 1});
  });
  return true;
}

}  // namespace lowbit
