/**
 * Sums of codes where multiply and add are two roundings. a·m_a + (b·m_b + k) is rounded with fused multiply-adds here and in onnxruntime on x86-64
 * and ARM64 (docs/integers.md, qadd); WebAssembly has none, so that a result close to the middle of two codes may become the other one.
 */
import type { Remark, Rule } from '../finding.js';
import { nameOf } from '../modelView.js';
import { endsInCodes } from '../products.js';
import { operatorOf } from '../valueTypes.js';

export const sums: Rule = (view, { fuses, integers }) => {
  if (fuses || !integers) return [];
  const found = view.nodes.filter((node) => {
    const fromCodes = node.input.every((value) => view.maker(value)?.opType === 'DequantizeLinear');
    return node.opType === 'QLinearAdd' || (operatorOf(node) === 'Add' && fromCodes && endsInCodes(view, node.output[0]));
  });
  return found.map(
    (node): Remark => ({
      severity: 'inexact',
      op: operatorOf(node),
      node: nameOf(node),
      problem: 'without fused multiply-add about one sum of a million is rounded to the next code',
      todo: 'Nothing: expect a step of the scale now and then.',
    }),
  );
};
