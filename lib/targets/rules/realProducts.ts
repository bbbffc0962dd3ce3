/** Layers between codes that are computed on real numbers all the same. */
import type { Remark, Rule } from '../finding.js';
import { nameOf } from '../modelView.js';
import { codeProducts, endsInCodes } from '../products.js';
import { operatorOf } from '../valueTypes.js';

const bytes = new Set(['i8', 'u8']);

export const realProducts: Rule = (view, { integers, runtime }) =>
  codeProducts(view).flatMap(({ node, activations, weights }): Remark[] => {
    if (operatorOf(node) !== node.opType || !/^(Conv|Gemm|MatMul)$/.test(node.opType)) return [];
    const [x, w] = [view.type(activations), view.type(weights)];
    const about = { op: node.opType, node: nameOf(node) };
    if (!integers) {
      if (!endsInCodes(view, node.output[0])) return [];
      const problem = `${runtime} multiplies real numbers between codes: rounding may go the other way, a step of the scale`;
      return [{ severity: 'inexact', ...about, problem, todo: 'Leave activations float, or choose ort-web-wasm for equal codes.' }];
    }
    if (x === undefined || w === undefined) return [];
    if (x === 'i8' && w === 'u8') {
      const problem = 'int8 codes times uint8 weights are multiplied on integers only on x86';
      return [{ severity: 'slow', ...about, problem, todo: 'Give activations uint8 codes.', fix: 'unsignedActivations' }];
    }
    if (bytes.has(x) && bytes.has(w)) return [];
    const narrow = w === 'i4' || w === 'u4';
    const problem = `${x} codes times ${w} weights are multiplied as real numbers`;
    const todo =
      narrow && bytes.has(x) ? 'Write weights as int8: twice the size, and integer products.' : 'Give activations codes of 8 bits.';
    return [{ severity: 'slow', ...about, problem, todo, ...(narrow && { fix: 'int8Weights' }) }];
  });
