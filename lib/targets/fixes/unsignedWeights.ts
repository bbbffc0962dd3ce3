/** Signed weights whose sums may be cut become unsigned: w + 128 with zero point z + 128. */
import { DataType } from '../../onnx/schema.js';
import type { NamedTensor } from '../../onnx/tensors.js';
import type { ModelView } from '../modelView.js';
import type { CodeProduct } from '../products.js';
import { cutProducts } from '../rules/cutSums.js';
import { type Fix, Recoding, unsigned } from './fix.js';

export const unsignedWeights: Fix = (view) => {
  const recoding = new Recoding(view, 'uint8');
  const done = new Set<unknown>();
  for (const product of cutProducts(view)) {
    const { holder, position, zeroPosition } = product;
    if (done.has(holder)) continue; // layers may share a weight
    done.add(holder);
    const zero = holder.input[zeroPosition] ? undefined : zeroOf(view, product);
    if (zero) {
      recoding.put(holder, zeroPosition, recoding.add(`${product.weights}_zero`, unsigned(zero)));
    } else if (!recoding.replace(holder, zeroPosition, unsigned)) continue; // a zero point that is computed stays signed
    recoding.replace(holder, position, unsigned);
  }
  return recoding.done();
};

/** The zero point that a node leaves out: 0, of the shape of its scales; operators on codes without scales have one for all. */
function zeroOf(view: ModelView, { holder }: CodeProduct): NamedTensor {
  const scale = holder.opType === 'DequantizeLinear' ? view.constants.get(holder.input[1]) : undefined;
  const shape = scale && scale.dataType === DataType.FLOAT ? scale.dims.map(Number) : [];
  return { name: '', dtype: 'int8', shape, data: new Int8Array(shape.reduce((a, b) => a * b, 1)) };
}
