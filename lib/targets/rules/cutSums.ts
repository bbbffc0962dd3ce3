/**
 * Sums of two products that may not fit 16 bits. On x86 without VNNI, onnxruntime multiplies unsigned codes of activations (0 to 255; signed
 * ones are shifted to them) with signed weights by vpmaddubsw, which adds neighbouring products a·v + b·w in 16 bits and cuts off what exceeds
 * −32768 to 32767 (its quantization guide; oneDNN, "nuances of int8 computations"). 255·128 = 32640 fits and 255·129 = 32895 does not, so
 * that two weights of one sign are safe up to a sum of 128: all weights from −64 to 64 are. Which weights meet depends on the layout that a kernel
 * packs, so the two largest of a channel are looked at. Unsigned weights take another kernel, which adds in 32 bits; so do depthwise convolutions.
 */
import type { NamedTensor } from '../../onnx/tensors.js';
import type { Remark, Rule } from '../finding.js';
import { type ModelView, nameOf } from '../modelView.js';
import { type CodeProduct, codeProducts, endsInCodes, isDepthwise } from '../products.js';
import { operatorOf } from '../valueTypes.js';

const mostPair = Math.floor(32767 / 255);

/** The products of a file that a machine of 16-bit sums may get wrong. */
export function cutProducts(view: ModelView): CodeProduct[] {
  return codeProducts(view).filter((product) => {
    const codes = view.type(product.weights) === 'i8' ? view.numbers(product.weights) : undefined;
    if (!codes || isDepthwise(view, product) || staysReal(view, product)) return false;
    return largestPair(codes, product.channels) > mostPair;
  });
}

// Without codes behind it a convolution is computed on real numbers; the other products have kernels that write real numbers.
const staysReal = (view: ModelView, { node }: CodeProduct) => node.opType === 'Conv' && !endsInCodes(view, node.output[0]);

/** The largest sum of two weights of one channel and one sign, without the sign; of any two where channels are not known. */
function largestPair({ data, shape }: NamedTensor, where: CodeProduct['channels']): number {
  const channels = Math.max({ first: shape[0], last: shape.at(-1), none: 1 }[where ?? 'none'] ?? 1, 1);
  const length = data.length / channels;
  const [apart, step] = where === 'last' ? [1, channels] : [length, 1];
  let most = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (const sign of [1, -1]) {
      let [large, larger] = [0, 0];
      for (let i = 0, at = channel * apart; i < length; i++, at += step) {
        const weight = sign * Number(data[at]);
        if (weight > larger) [large, larger] = [larger, weight];
        else if (weight > large) large = weight;
      }
      most = Math.max(most, large + larger);
    }
  }
  return most;
}

export const cutSums: Rule = (view, { cutsSums }) => {
  if (!cutsSums) return [];
  return cutProducts(view).map(
    ({ node }): Remark => ({
      severity: 'inexact',
      op: operatorOf(node),
      node: nameOf(node),
      problem: `int8 weights of which two add up to more than ${mostPair}: on x86 without VNNI their products are added in 16 bits and cut off`,
      todo: 'Write weights as uint8 with zero point 128: the same numbers by slower kernels, which add in 32 bits.',
      fix: 'unsignedWeights',
    }),
  );
};
