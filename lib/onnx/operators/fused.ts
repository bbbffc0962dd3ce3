/** Operators of which onnxruntime makes one where a model had several, in files that its optimizer wrote: read as what they were. */
import type { Value } from '../../graph/graph.js';
import * as ops from '../../ops/index.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';
import { borrow } from './borrow.js';
import { lastTurned } from './norm.js';

const domain = 'com.microsoft';

/** The activation that is named in an attribute; its numbers are in the order in which that operator has them. */
function activated(node: ImportNode, x: Value): Value {
  const numbers = node.floats('activation_params') ?? [node.float('activation_alpha', 0.01), node.float('activation_beta', 0)];
  const [first, second] = numbers;
  switch (node.string('activation', '')) {
    case '':
      return x;
    case 'Relu':
      return node.add(ops.relu, [x]);
    case 'Sigmoid':
      return node.add(ops.sigmoid, [x]);
    case 'Tanh':
      return node.add(ops.tanh, [x]);
    case 'LeakyRelu':
      return node.add(ops.leakyRelu, [x], { alpha: first });
    case 'Clip':
      return node.add(ops.clip, [x], { min: first, max: second });
    case 'HardSigmoid':
      return node.add(ops.hardSigmoid, [x], { alpha: first, beta: second });
    default:
      return node.refuse(`activation "${node.string('activation', '')}" is not supported`);
  }
}

const given = (node: ImportNode, ...inputs: readonly number[]): Value[] =>
  inputs.map((i) => node.optional(i)).filter((value) => value !== undefined);

// x, w, bias, a sum to add before the activation
const fusedConv: Operator = {
  type: 'FusedConv',
  domain,
  import(node) {
    const y = borrow(node, 'Conv', given(node, 0, 1, 2));
    return activated(
      node,
      [y, ...given(node, 3)].reduce((a, b) => node.add(ops.add, [a, b])),
    );
  },
};

const fusedGemm: Operator = {
  type: 'FusedGemm',
  domain,
  import: (node) => activated(node, borrow(node, 'Gemm', given(node, 0, 1, 2))),
};

// alpha · a · b, each with its last two axes turned if asked for
const fusedMatMul: Operator = {
  type: 'FusedMatMul',
  domain,
  import(node) {
    if (node.flag('transBatchA') || node.flag('transBatchB')) node.refuse('transBatchA and transBatchB are not supported');
    const [a, b] = ['transA', 'transB'].map((flag, i) => (node.flag(flag) ? lastTurned(node, node.input(i)) : node.input(i)));
    const product = borrow(node, 'MatMul', [a, b]);
    const alpha = node.float('alpha', 1);
    return alpha === 1 ? product : node.add(ops.mul, [product, node.scalar(alpha, node.dtype(a))]);
  },
};

const biased = (node: ImportNode): Value => given(node, 0, 1).reduce((a, b) => node.add(ops.add, [a, b]));

/** x · sigmoid(alpha · x) */
function swish(node: ImportNode, alpha: number): Value {
  const x = node.input(0);
  if (alpha === 1) return node.add(ops.silu, [x]);
  return node.add(ops.mul, [x, node.add(ops.sigmoid, [node.add(ops.mul, [x, node.scalar(alpha, node.dtype(x))])])]);
}

/** x / √(mean(x²) + epsilon) · scale over the axes from `axis` on. */
function rootMeanSquare(node: ImportNode, x: Value, scale: Value, axis: number): Value {
  const rank = node.rank(x);
  const first = node.axis(axis, rank);
  const axes = Array.from({ length: rank - first }, (_, i) => first + i);
  const square = node.add(ops.reduceMean, [node.add(ops.mul, [x, x])], { axes, keepDims: true });
  const root = node.add(ops.sqrt, [node.add(ops.add, [square, node.scalar(node.float('epsilon', 1e-5), node.dtype(x))])]);
  return node.add(ops.mul, [node.add(ops.div, [x, root]), scale]);
}

const rmsNormalization = (type: string): Operator => ({
  type,
  import: (node) => rootMeanSquare(node, node.input(0), node.input(1), node.int('axis', -1)),
});

// input, skip, gamma, (beta,) bias: the sum that is normalized is output 3
const skipped = (type: string, bias: number, normalized: (node: ImportNode, sum: Value) => Value): Operator => ({
  type,
  domain,
  import(node) {
    const sum = given(node, 0, 1, bias).reduce((a, b) => node.add(ops.add, [a, b]));
    return [normalized(node, sum), undefined, undefined, sum];
  },
});

export const fused: readonly Operator[] = [
  fusedConv,
  fusedGemm,
  fusedMatMul,
  { type: 'Gelu', domain, import: (node) => node.add(ops.gelu, [node.input(0)]) },
  { type: 'BiasGelu', domain, import: (node) => node.add(ops.gelu, [biased(node)]) },
  { type: 'FastGelu', domain, import: (node) => node.add(ops.gelu, [biased(node)], { approximate: 'tanh' }) },
  rmsNormalization('RMSNormalization'),
  rmsNormalization('SimplifiedLayerNormalization'),
  skipped('SkipLayerNormalization', 4, (node, sum) =>
    node.add(ops.layerNorm, [sum, node.input(2), node.optional(3) ?? node.add(ops.sub, [node.input(2), node.input(2)])], {
      ...{ axis: -1, epsilon: node.float('epsilon', 1e-12) },
    }),
  ),
  skipped('SkipSimplifiedLayerNormalization', 3, (node, sum) => rootMeanSquare(node, sum, node.input(2), -1)),
  { type: 'QuickGelu', domain, import: (node) => swish(node, node.float('alpha', 1.702)) },
  { type: 'Swish', import: (node) => swish(node, node.float('alpha', 1)) },
];
