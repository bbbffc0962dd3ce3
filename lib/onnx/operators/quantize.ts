/** QDQ, and the operators that compute on codes: those are read as the QDQ they abbreviate, so that one lowering serves both. */
import type { Value } from '../../graph/graph.js';
import type { AnyOp } from '../../op.js';
import * as ops from '../../ops/index.js';
import { type Dtype, isKnown, type Shape, shapesMayEqual, sizeOf } from '../../shape.js';
import type { ExportNode } from '../exportNode.js';
import type { Attributes } from '../fileGraph.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';
import { codesOperator, microsoft } from '../opsets.js';
import { dtypeOf, narrowRange } from '../tensors.js';
import { borrow } from './borrow.js';

// One number may be a list of one for the scale and none for the zero point.
function zeroPoint(node: ImportNode, scale: Value, given: Value | undefined, dtype: Dtype): Value {
  const shape = given && node.shape(scale);
  if (!shape) return given ?? node.zeros(node.knownShape(scale, 'a zero point that is left out'), dtype);
  const isOne = [shape, node.shape(given)].every((sizes) => sizes && isKnown(sizes) && sizeOf(sizes) === 1);
  return isOne && node.rank(given) !== shape.length ? node.reshaped(given, shape) : given;
}

const longestBlocked = 2 ** 20;

// Scales of blocks along an axis, repeated so that there is one for each element.
function perElement(node: ImportNode, value: Value, axis: number, block: number, length: number): Value {
  if (!(block > 0 && length < longestBlocked)) node.refuse(`blocks of ${block} along ${length} elements are not supported`);
  const index = Array.from({ length }, (_, i) => Math.floor(i / block));
  return node.add(ops.gather, [value, node.constant(index, [length], 'int64')], { axis });
}

function quantizeLinear(node: ImportNode): Value {
  const dataType = node.dataType(2) ?? node.int('output_dtype', 0);
  const codes = quantized(node, dtypeOf(dataType) ?? 'uint8');
  const range = narrowRange(dataType);
  return range ? node.add(ops.clip, [codes], { min: range[0], max: range[1] }) : codes;
}

function quantized(node: ImportNode, dtype: Dtype): Value {
  // All of it is computed in float32, also of half precision.
  const [x, scale] = [0, 1].map((i) => node.cast(node.input(i), 'float32'));
  const zero = zeroPoint(node, scale, node.optional(2), dtype);
  const block = node.int('block_size', 0);
  if (!block) return node.add(ops.quantize, [x, scale, zero], { axis: node.int('axis', 1) });
  const axis = node.axis(node.int('axis', 1), node.rank(x));
  const length = node.knownShape(x, 'block_size')[axis];
  const scaled = node.add(ops.round, [node.add(ops.div, [x, perElement(node, scale, axis, block, length)])]);
  const shifted = node.add(ops.add, [scaled, node.add(ops.cast, [perElement(node, zero, axis, block, length)], { dtype: 'float32' })]);
  return node.add(ops.cast, [shifted], { dtype: node.dtype(zero) });
}

function dequantizeLinear(node: ImportNode): Value {
  return node.cast(dequantizedTo32(node), node.dtype(node.input(1)));
}

function dequantizedTo32(node: ImportNode): Value {
  const [x, scale] = [node.input(0), node.cast(node.input(1), 'float32')];
  const zero = zeroPoint(node, scale, node.optional(2), node.dtype(x));
  const block = node.int('block_size', 0);
  if (!block) return node.add(ops.dequantize, [x, scale, zero], { axis: node.int('axis', 1) });
  const axis = node.axis(node.int('axis', 1), node.rank(x));
  const length = node.knownShape(x, 'block_size')[axis];
  if (isGrouped(node, [x, scale, zero], axis, block)) return groupedWeight(node, [x, scale, zero], axis, block);
  const real = (value: Value) => node.cast(value, 'float32');
  const centred = node.add(ops.sub, [real(x), real(perElement(node, zero, axis, block, length))]);
  return node.add(ops.mul, [centred, perElement(node, scale, axis, block, length)]);
}

/** Are these the constant codes of a matrix, in whole blocks? */
function isGrouped(node: ImportNode, operands: readonly Value[], axis: number, block: number): boolean {
  const [codes, ...others] = operands.map((value) => node.constantOf(value));
  const isMatrix = codes?.shape.length === 2 && (codes.dtype === 'int8' || codes.dtype === 'uint8') && codes.shape[axis] % block === 0;
  const blocks = codes?.shape.map((length, i) => (i === axis ? length / block : length));
  return isMatrix && others.every((tensor) => tensor && shapesMayEqual(tensor.shape, blocks!));
}

/** A row of codes for each scale, dequantized and put together again: so a weight stays codes. */
function groupedWeight(node: ImportNode, operands: readonly Value[], axis: number, block: number): Value {
  const shape = node.knownShape(operands[0], 'block_size');
  const isTurned = axis === 0;
  const [codes, ...others] = isTurned ? operands.map((value) => node.transposed(value, [1, 0])) : operands;
  const rows = (value: Value, to: Shape) => node.add(ops.reshape, [value], { shape: to });
  const real = node.add(ops.dequantize, [rows(codes, [-1, block]), ...others.map((value) => rows(value, [-1]))], { axis: 0 });
  const whole = rows(real, isTurned ? shape.toReversed() : shape);
  return isTurned ? node.transposed(whole, [1, 0]) : whole;
}

/** Inputs i, i+1, i+2 are codes, scale and zero point. */
function dequantized(node: ImportNode, i: number, axis = 1): Value {
  const scale = node.cast(node.input(i + 1), 'float32');
  return node.add(ops.dequantize, [node.input(i), scale, zeroPoint(node, scale, node.optional(i + 2), node.dtype(node.input(i)))], {
    axis,
  });
}
function requantized(node: ImportNode, value: Value, i: number, dtype: Dtype): Value {
  const scale = node.cast(node.input(i), 'float32');
  return node.add(ops.quantize, [value, scale, zeroPoint(node, scale, node.optional(i + 1), dtype)]);
}

const qLinearConv: Operator = {
  type: 'QLinearConv',
  import(node) {
    const inputs = [dequantized(node, 0), dequantized(node, 3, 0)];
    const bias = node.optional(8);
    if (bias) {
      const scale = node.add(ops.mul, [node.input(1), node.input(4)]);
      inputs.push(node.add(ops.dequantize, [bias, scale, zeroPoint(node, scale, undefined, 'int32')], { axis: 0 }));
    }
    return requantized(node, borrow(node, 'Conv', inputs), 6, node.dtype(node.input(0)));
  },
};

const centred = (node: ImportNode, i: number, zero: number, dtype: Dtype): Value => {
  const codes = node.add(ops.cast, [node.input(i)], { dtype });
  const point = node.optional(zero);
  return point ? node.add(ops.sub, [codes, node.add(ops.cast, [point], { dtype })]) : codes;
};

const convInteger: Operator = {
  type: 'ConvInteger',
  import(node) {
    // Float sums of codes are exact below 2^24.
    const products = node
      .knownShape(node.input(1), 'ConvInteger')
      .slice(1)
      .reduce((a, b) => a * b, 1);
    if (products * 255 * 255 >= 2 ** 24) node.refuse(`sums of ${products} products do not fit the exact range of float32`);
    const y = borrow(node, 'Conv', [centred(node, 0, 2, 'float32'), centred(node, 1, 3, 'float32')]);
    return node.add(ops.cast, [y], { dtype: 'int32' });
  },
};

const dynamicQuantize: Operator = {
  type: 'DynamicQuantizeLinear',
  import(node) {
    const x = node.input(0);
    const axes = Array.from({ length: node.rank(x) }, (_, i) => i);
    const zero = node.scalar(0);
    const most = node.add(ops.maximum, [node.add(ops.reduceMax, [x], { axes, keepDims: false }), zero]);
    const least = node.add(ops.minimum, [node.add(ops.reduceMin, [x], { axes, keepDims: false }), zero]);
    const scale = node.add(ops.div, [node.add(ops.sub, [most, least]), node.scalar(255)]);
    const point = node.add(ops.round, [
      node.add(ops.clip, [node.add(ops.div, [node.add(ops.sub, [zero, least]), scale])], { min: 0, max: 255 }),
    ]);
    const code = node.add(ops.cast, [point], { dtype: 'uint8' });
    return [node.add(ops.quantize, [x, scale, code]), scale, code];
  },
};

/** com.microsoft operators on codes: a, scale, zero, b, scale, zero, y scale, y zero. */
function qLinearBinary(type: string, op: AnyOp): Operator {
  return {
    type,
    domain: microsoft,
    import: (node) => requantized(node, node.add(op, [dequantized(node, 0), dequantized(node, 3)]), 6, node.dtype(node.input(0))),
  };
}
function qLinearUnary(type: string, op: AnyOp, params: (node: ImportNode) => object = () => ({})): Operator {
  return {
    type,
    domain: microsoft,
    import: (node) => requantized(node, node.add(op, [dequantized(node, 0)], params(node) as never), 3, node.dtype(node.input(0))),
  };
}

// a, scale, zero, b, scale, zero, bias, y scale, y zero; without the last two the result is float.
const qGemm: Operator = {
  type: 'QGemm',
  domain: microsoft,
  import(node) {
    const inputs = [dequantized(node, 0), dequantized(node, 3, node.flag('transB') ? 0 : 1)];
    const bias = node.optional(6);
    if (bias) {
      const scale = node.add(ops.mul, [node.add(ops.mul, [node.input(1), node.scalar(node.float('alpha', 1))]), node.input(4)]);
      inputs.push(node.add(ops.dequantize, [bias, scale, zeroPoint(node, scale, undefined, 'int32')], { axis: 0 }));
    }
    const product = borrow(node, 'Gemm', inputs);
    return node.optional(7) ? requantized(node, product, 7, node.dtype(node.input(0))) : product;
  },
};

// y scale, y zero, then codes, scale and zero of each tensor.
const qLinearConcat: Operator = {
  type: 'QLinearConcat',
  domain: microsoft,
  import(node) {
    const parts = Array.from({ length: Math.max(1, Math.ceil((node.inputCount - 2) / 3)) }, (_, i) => dequantized(node, 2 + 3 * i));
    const joined = node.add(ops.concat, parts, { axis: node.axis(node.int('axis', 0), node.rank(parts[0])) });
    return requantized(node, joined, 0, node.dtype(node.input(2)));
  },
};

/** A pool of codes, channels first. */
function qLinearPool(type: string): Operator {
  return {
    type: `QLinear${type}`,
    domain: microsoft,
    import(node) {
      if (node.flag('channels_last')) node.refuse('channels_last is not supported');
      return requantized(node, borrow(node, type, [dequantized(node, 0)]), 3, node.dtype(node.input(0)));
    },
  };
}

// A list of scales stands along an axis.
function scaleAxis(node: ExportNode): Attributes {
  if (node.rank(node.node.inputs[1]) !== 1) return {};
  node.since(13, 'a scale for each channel');
  return { axis: { i: Number(node.layoutParams().axis) } };
}

const operatorOf = (type: 'QuantizeLinear' | 'DequantizeLinear', node: ExportNode) =>
  codesOperator(type, node.type(node.node.inputs[2])?.dtype, node.opset);

export const quantize: readonly Operator[] = [
  {
    type: 'QuantizeLinear',
    import: quantizeLinear,
    op: ops.quantize,
    export(node) {
      node.first(operatorOf('QuantizeLinear', node), scaleAxis(node));
    },
  },
  {
    type: 'DequantizeLinear',
    import: dequantizeLinear,
    op: ops.dequantize,
    export(node) {
      node.first(operatorOf('DequantizeLinear', node), scaleAxis(node));
    },
  },
  qLinearConv,
  {
    type: 'QLinearMatMul',
    import: (node) => requantized(node, node.add(ops.matmul, [dequantized(node, 0), dequantized(node, 3)]), 6, node.dtype(node.input(0))),
  },
  {
    type: 'MatMulInteger',
    import: (node) => node.add(ops.matmul, [centred(node, 0, 2, 'int32'), centred(node, 1, 3, 'int32')]),
  },
  convInteger,
  dynamicQuantize,
  { type: 'QuantizeLinear', domain: microsoft, import: quantizeLinear },
  { type: 'DequantizeLinear', domain: microsoft, import: dequantizeLinear },
  qLinearBinary('QLinearAdd', ops.add),
  qLinearBinary('QLinearMul', ops.mul),
  qLinearUnary('QLinearSigmoid', ops.sigmoid),
  qLinearUnary('QLinearLeakyRelu', ops.leakyRelu, (node) => ({ alpha: node.float('alpha', 0.01) })),
  qLinearPool('GlobalAveragePool'),
  qLinearPool('AveragePool'),
  qGemm,
  qLinearConcat,
];
