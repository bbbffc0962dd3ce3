// Convolutions of codes by warpgroups: cuda/warpgroupProducts.cuh. Windows of one pixel are the rows of a matrix.
#include "../../cuda/warpgroupProducts.cuh"
#include "../../cuda/windows.cuh"

namespace lowbit {
namespace {

bool isMatrix(const qconv2d_call& c) {
  const bool everyPixel = c.strides[0] == 1 && c.strides[1] == 1, noBorder = !c.pads[0] && !c.pads[1] && !c.pads[2] && !c.pads[3];
  return c.w.shape[1] * c.w.shape[2] * c.groups.integer() == 1 && everyPixel && noBorder;
}

}  // namespace

bool qconv2d_wgmma(const qconv2d_call& c) {
  EXPECT(c.w.dtype == Dtype::int8);
  const CodeOutput output = outputOf(c);
  const int64_t depth = output.depth, groups = c.groups.integer();
  const bool whole = depth && pieceOf(c.x.data, c.w.shape[3]) == 16 && pieceOf(c.w.data, depth) == 16;
  if (!whole || !fitsWindows(c) || output.needsLeftTotals() || !suitsGroups(output, groups)) return false;

  withProducts(c.x, [&]<class Products>(Products) {
    Totals right;
    if (output.needsRightTotals()) right.make<RightWords<Products>>(c.w.data, c.w.shape[0], depth);
    const auto multiply = [&]<class Left>(const Left& left) {
      multiplyInGroups<Products>(GroupProduct<Left>{left, c.w.data, output, {nullptr, right.get()}, groups});
    };
    if (isMatrix(c)) {
      multiply(BoxedRows{tensorMapOf(c.x.data, depth, output.rows, kTileRows)});
    } else {
      const Windows windows(c, c.w.shape[1], c.w.shape[2], c.x.shape[3]);
      multiply(GatheredRows<WindowRows<16>>{{c.x.as<uint8_t>(), output.rows, windows, paddingOf(c)}});
    }
  });
  return true;
}

}  // namespace lowbit
