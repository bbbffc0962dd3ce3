/** Weights of 4 bits as 8: the same codes. */
import type { NamedTensor } from '../../onnx/tensors.js';
import { type Fix, Recoding } from './fix.js';

export const int8Weights: Fix = (view) => {
  const recoding = new Recoding(view, 'int8');
  const narrow = view.nodes.filter(
    ({ opType, input }) =>
      opType === 'DequantizeLinear' && ['i4', 'u4'].includes(view.type(input[0]) ?? '') && view.constants.has(input[0]),
  );
  for (const node of narrow) for (const position of [0, 2]) recoding.replace(node, position, asRead);
  return recoding.done();
};

// Codes of 4 bits are read into bytes.
const asRead = (tensor: NamedTensor) => tensor;
