/** Functions of each element, comparisons, casts, selection. */
import type { Value } from '../../graph/graph.js';
import type { AnyOp, ParamValue } from '../../op.js';
import * as ops from '../../ops/index.js';
import type { Dtype } from '../../shape.js';
import type { ExportNode } from '../exportNode.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';
import { dataTypeName, dataTypeOf, dtypeOf, narrowRange } from '../tensors.js';

/** An operator of one input whose float attributes are our parameters of the same names. */
function unary(type: string, op: AnyOp, attributes: Readonly<Record<string, number>> = {}): Operator {
  const names = Object.keys(attributes);
  return {
    type,
    import: (node) => node.add(op, [node.input(0)], Object.fromEntries(names.map((name) => [name, node.float(name, attributes[name])]))),
    op,
    export: (node) => node.elementwise(type, Object.fromEntries(names.map((name) => [name, { f: Number(node.params[name]) }]))),
  };
}

function binary(type: string, op: AnyOp): Operator {
  return {
    type,
    import: (node) => node.add(op, [node.input(0), node.input(1)]),
    op,
    export: (node) => node.elementwise(type),
  };
}

/** Any number of inputs: the binary op from left to right, then `finish`. Written by the binary op's own operator where there is one. */
function variadic(type: string, op: AnyOp, exports: boolean, finish = (_node: ImportNode, value: Value) => value): Operator {
  return {
    type,
    import: (node) =>
      finish(
        node,
        node.inputs().reduce((a, b) => node.add(op, [a, b])),
      ),
    ...(exports ? { op, export: (node: ExportNode) => node.elementwise(type) } : {}),
  };
}

const clip: Operator = {
  type: 'Clip',
  import(node) {
    const x = node.input(0);
    if (node.opset < 11) return node.add(ops.clip, [x], { min: node.float('min', -Infinity), max: node.float('max', Infinity) });
    const [min, max] = [node.optional(1), node.optional(2)];
    const isOpen = [min, max].some((bound) => bound && !node.known(bound) && !node.constantOf(bound));
    if (!isOpen) return node.add(ops.clip, [x], { min: min ?? -Infinity, max: max ?? Infinity });
    // Bounds that are computed: what is made of them has a type before the run only where they are operands.
    const above = min ? node.add(ops.maximum, [x, min]) : x;
    return max ? node.add(ops.minimum, [above, max]) : above;
  },
  op: ops.clip,
  export(node) {
    if (node.opset >= 11) {
      const { min, max } = node.params;
      const bound = (value: ParamValue | Value) => (Math.abs(value as number) === Infinity ? '' : node.parameter(value, node.dtype()));
      return node.elementwise('Clip', {}, [bound(min), bound(max)]);
    }
    const { min, max } = node.fixedParams() as { min: number; max: number };
    node.elementwise('Clip', { ...(min > -Infinity && { min: { f: min } }), ...(max < Infinity && { max: { f: max } }) });
  },
};

function castTo(node: ImportNode, dtype: Dtype, dataType: number): Value {
  const x = node.input(0);
  const range = narrowRange(dataType);
  if (range && node.dtype(x) !== 'boolean') {
    const [min, max] = range;
    return node.add(ops.cast, [node.add(ops.clip, [x], { min, max })], { dtype });
  }
  return node.folder.type(x)?.dtype === dtype ? x : node.add(ops.cast, [x], { dtype });
}

const cast: Operator = {
  type: 'Cast',
  import(node) {
    const to = node.int('to', 0);
    return castTo(node, dtypeOf(to) ?? node.refuse(`element type ${dataTypeName(to)} is not supported`), to);
  },
  op: ops.cast,
  export: (node) => node.elementwise('Cast', { to: { i: dataTypeOf(node.params.dtype as Dtype) } }),
};

// Files before opset 20 have no Gelu: x/2 · (1 + erf(x/√2)), or the tanh form as it is usually written.
function writeGelu(node: ExportNode) {
  const form = node.params.approximate as string;
  if (node.opset >= 20) {
    node.elementwise('Gelu', { approximate: { s: form } });
    return;
  }
  const dtype = node.dtype();
  const x = node.stored(0);
  const c = (value: number) => node.scalar(value, dtype);
  const inner =
    form === 'tanh'
      ? node.emit('Tanh', [
          node.emit('Mul', [
            node.emit('Add', [x, node.emit('Mul', [node.emit('Mul', [node.emit('Mul', [x, x]), x]), c(0.044715)])]),
            c(Math.sqrt(2 / Math.PI)),
          ]),
        ])
      : node.emit('Erf', [node.emit('Div', [x, c(Math.SQRT2)])]);
  node.done(node.emit('Mul', [node.emit('Mul', [x, c(0.5)]), node.emit('Add', [inner, c(1)])]), node.perm);
}

const mod: Operator = {
  type: 'Mod',
  import: (node) => node.add(ops.mod, [node.input(0), node.input(1)], { fmod: node.flag('fmod') }),
  op: ops.mod,
  export: (node) => node.elementwise('Mod', { fmod: { i: node.params.fmod ? 1 : 0 } }),
};

const isInf: Operator = {
  type: 'IsInf',
  import: (node) =>
    node.add(ops.isInf, [node.input(0)], { negative: node.flag('detect_negative', true), positive: node.flag('detect_positive', true) }),
  op: ops.isInf,
  export: (node) =>
    node.elementwise('IsInf', {
      detect_negative: { i: node.params.negative ? 1 : 0 },
      detect_positive: { i: node.params.positive ? 1 : 0 },
    }),
};

const bitShift: Operator = {
  type: 'BitShift',
  import: (node) => node.add(ops.bitShift, [node.input(0), node.input(1)], { direction: node.string('direction', '').toLowerCase() }),
  op: ops.bitShift,
  export: (node) => node.elementwise('BitShift', { direction: { s: (node.params.direction as string).toUpperCase() } }),
};

const gelu: Operator = {
  type: 'Gelu',
  import: (node) => node.add(ops.gelu, [node.input(0)], { approximate: node.string('approximate', 'none') }),
  op: ops.gelu,
  export: writeGelu,
};

// Toward 0 by the bias, and 0 within lambd of it.
const shrink: Operator = {
  type: 'Shrink',
  import(node) {
    const x = node.input(0);
    const [bias, lambd] = [node.float('bias', 0), node.float('lambd', 0.5)];
    const number = (value: number) => node.scalar(value, node.dtype(x));
    const above = node.add(ops.where, [node.add(ops.greater, [x, number(lambd)]), node.add(ops.sub, [x, number(bias)]), number(0)]);
    return node.add(ops.where, [node.add(ops.less, [x, number(-lambd)]), node.add(ops.add, [x, number(bias)]), above]);
  },
};

// x · sigmoid(x) and x · tanh(softplus(x)) have no operator of their own (Mish since opset 18).
const silu: Operator = {
  type: 'Swish',
  domain: 'lowbit',
  op: ops.silu,
  export(node) {
    const x = node.stored(0);
    node.done(node.emit('Mul', [x, node.emit('Sigmoid', [x])]), node.perm);
  },
};
const mish: Operator = {
  type: 'Mish',
  import: (node) => node.add(ops.mish, [node.input(0)]),
  op: ops.mish,
  export(node) {
    if (node.opset >= 18) return node.elementwise('Mish');
    const x = node.stored(0);
    node.done(node.emit('Mul', [x, node.emit('Tanh', [node.emit('Softplus', [x])])]), node.perm);
  },
};
const hardSwish: Operator = {
  type: 'HardSwish',
  import: (node) => node.add(ops.hardSwish, [node.input(0)]),
  op: ops.hardSwish,
  export(node) {
    if (node.opset >= 14) return node.elementwise('HardSwish');
    const x = node.stored(0);
    const gate = node.emit('HardSigmoid', [x], { alpha: { f: 1 / 6 }, beta: { f: 0.5 } });
    node.done(node.emit('Mul', [x, gate]), node.perm);
  },
};

export const elementwise: readonly Operator[] = [
  unary('Relu', ops.relu),
  unary('Abs', ops.abs),
  unary('Neg', ops.neg),
  unary('Sign', ops.sign),
  unary('Ceil', ops.ceil),
  unary('Floor', ops.floor),
  unary('Round', ops.round),
  unary('Exp', ops.exp),
  unary('Log', ops.log),
  unary('Sqrt', ops.sqrt),
  unary('Reciprocal', ops.reciprocal),
  unary('Sin', ops.sin),
  unary('Cos', ops.cos),
  unary('Tan', ops.tan),
  unary('Asin', ops.asin),
  unary('Acos', ops.acos),
  unary('Atan', ops.atan),
  unary('Sinh', ops.sinh),
  unary('Cosh', ops.cosh),
  unary('Tanh', ops.tanh),
  unary('Asinh', ops.asinh),
  unary('Acosh', ops.acosh),
  unary('Atanh', ops.atanh),
  unary('Erf', ops.erf),
  unary('Sigmoid', ops.sigmoid),
  unary('HardSigmoid', ops.hardSigmoid, { alpha: 0.2, beta: 0.5 }),
  unary('LeakyRelu', ops.leakyRelu, { alpha: 0.01 }),
  unary('Elu', ops.elu, { alpha: 1 }),
  unary('Selu', ops.selu, { alpha: 1.6732632423543772, gamma: 1.0507009873554805 }),
  unary('Celu', ops.celu, { alpha: 1 }),
  unary('ThresholdedRelu', ops.thresholdedRelu, { alpha: 1 }),
  unary('Softplus', ops.softplus),
  unary('Softsign', ops.softsign),
  unary('Not', ops.not),
  unary('IsNaN', ops.isNaN),
  isInf,
  hardSwish,
  silu,
  mish,
  gelu,
  clip,
  cast,
  { type: 'CastLike', import: (node) => castTo(node, node.dtype(node.input(1)), node.dataType(1) ?? 0) },
  binary('Add', ops.add),
  binary('Sub', ops.sub),
  binary('Mul', ops.mul),
  binary('Div', ops.div),
  binary('Pow', ops.pow),
  binary('PRelu', ops.prelu),
  shrink,
  mod,
  bitShift,
  binary('Equal', ops.equal),
  binary('Less', ops.less),
  binary('LessOrEqual', ops.lessOrEqual),
  binary('Greater', ops.greater),
  binary('GreaterOrEqual', ops.greaterOrEqual),
  binary('And', ops.and),
  binary('Or', ops.or),
  binary('Xor', ops.xor),
  variadic('Max', ops.maximum, true),
  variadic('Min', ops.minimum, true),
  variadic('Sum', ops.add, false),
  variadic('Mean', ops.add, false, (node, sum) => {
    const dtype = node.dtype(sum);
    return node.add(ops.div, [sum, node.scalar(node.inputCount, dtype)]);
  }),
  {
    type: 'Where',
    import: (node) => node.add(ops.where, [node.input(0), node.input(1), node.input(2)]),
    op: ops.where,
    export: (node) => node.elementwise('Where'),
  },
];
