/**
 * Functions of each element: y = f(x), and of pairs of elements with numpy broadcasting. Results have the type of the operands unless
 * noted. Real functions are computed in double and rounded once, but for float32 some have errors of a few units in the last place, which
 * are then named ("ulp"; results below 2^-126 are off by a few of the least steps). Integers wrap. "Real" is float32, float64, float16 or
 * bfloat16.
 *
 * At a kink a gradient is that of PyTorch: |x| has 0 at 0, the activations take the slope from the left, `clip` passes at both bounds, and
 * of two equal numbers `maximum` and `minimum` give each one half.
 */
import { shapeText } from '../error.js';
import { type Check, defineOp, type Op, type OpSpec, type ParamValue, required } from '../op.js';
import { broadcast, type Dtype, dtypes, isInteger, isReal, mayEqual, type Shape, shapesMayEqual, type TensorType } from '../shape.js';
import { Tensor } from '../tensor.js';
import { checkBounds, lazily, noBounds, unbroadcast } from './basic.js';

type Known = readonly number[] | undefined;

interface Accepts {
  test: (dtype: Dtype) => boolean;
  text: string;
}
const number: Accepts = { test: (dtype) => dtype !== 'boolean', text: 'a number type' };
const anything: Accepts = { test: () => true, text: 'any type' };
const boolean: Accepts = { test: (dtype) => dtype === 'boolean', text: 'boolean' };
const realNumber: Accepts = { test: isReal, text: 'float32, float64, float16 or bfloat16' };
const unsigned: Accepts = { test: (dtype) => dtype.startsWith('uint'), text: 'an unsigned integer type' };

// Elementwise functions do not care how their input is laid out.
const anyLayout = <P>(params: P) => params;

interface Traits<I extends readonly string[], P extends object>
  extends Pick<OpSpec<I, P>, 'grad'>,
    Partial<Pick<OpSpec<I, P>, 'scalesThrough' | 'choices' | 'propagate' | 'learns'>> {
  /** What else is wrong with a call. */
  verify?(types: readonly TensorType[], params: P, check: Check): void;
  /** The type of the result where it is not that of the operands. */
  output?: Dtype;
}

function unary<P extends object>(name: string, accepts: Accepts, params: P, { verify, output, ...traits }: Traits<['x'], P>) {
  return defineOp({
    name,
    byRows: true,
    inputs: ['x'],
    params,
    infer(types, given, check) {
      const [x] = types;
      check.dtype(accepts.test(x.dtype), 'x', x, accepts.text);
      verify?.(types, given, check);
      return { dtype: output ?? x.dtype, shape: x.shape };
    },
    permute: anyLayout,
    pointwise: output === undefined && accepts !== boolean,
    ...traits,
  });
}

/** y = f(x) on real numbers; parameters are finite. */
function real<P extends { [name: string]: ParamValue }>(name: string, params: P, traits: Traits<['x'], P>) {
  return unary(name, realNumber, params, {
    verify(_types, given, check) {
      for (const [parameter, value] of Object.entries(given)) {
        if (typeof params[parameter] === 'number') check.param(Number.isFinite(value), parameter, value, 'a finite number');
      }
    },
    ...traits,
  });
}

/** dx = dy·f'(x), from x or from y = f(x): what the gradient of a real function is computed with. */
function slopes<const From extends 'x' | 'y', P extends object = object>(
  name: string,
  from: From,
  params = {} as P,
  choices?: OpSpec<readonly ['dy', From], P>['choices'],
) {
  return defineOp({
    name,
    inputs: ['dy', from],
    params,
    infer([dy, value], _params, check) {
      check.dtype(isReal(value.dtype), from, value, realNumber.text);
      check.dtype(dy.dtype === value.dtype, 'dy', dy, value.dtype, `${from} has that type`);
      check.shape(shapesMayEqual(dy.shape, value.shape), 'dy', dy, `the shape of ${from}, ${shapeText(value.shape)}`);
      return value;
    },
    choices,
    grad: 'none',
  });
}

function pairShape(a: TensorType, b: TensorType, check: Check): Shape {
  const shape = broadcast(a.shape, b.shape);
  check.shape(shape !== undefined, 'b', b, `a shape that broadcasts with ${shapeText(a.shape)}`);
  return shape as Shape;
}

function binary<P extends object = object>(
  name: string,
  accepts: Accepts,
  params = {} as P,
  { verify, output, ...traits }: Traits<['a', 'b'], P>,
) {
  return defineOp({
    name,
    byRows: true,
    inputs: ['a', 'b'],
    params,
    infer(types, given, check) {
      const [a, b] = types;
      check.dtype(accepts.test(a.dtype), 'a', a, accepts.text);
      check.dtype(b.dtype === a.dtype, 'b', b, a.dtype, 'a has that type');
      verify?.(types, given, check);
      return { dtype: output ?? a.dtype, shape: pairShape(a, b, check) };
    },
    permute: anyLayout,
    broadcasts: true,
    ...traits,
  });
}

/** Known values, combined one by one: lists of one length, or one value against a list. */
function combined(known: readonly Known[], types: readonly TensorType[], f: (...values: number[]) => number): Known {
  if (types.some((type) => type.shape.length > 1)) return undefined;
  const lists = known.filter((list) => list !== undefined);
  const length = lists.find((list) => list.length !== 1)?.length ?? 1;
  if (lists.length < known.length || lists.some((list) => list.length !== length && list.length !== 1)) return undefined;
  return Array.from({ length }, (_, i) => f(...lists.map((list) => list[list.length === 1 ? 0 : i])));
}

function propagates(f: (a: number, b: number, dtype: Dtype) => number): Pick<OpSpec<['a', 'b'], object>, 'propagate'> {
  return { propagate: (known, _params, types) => combined(known, types, (a, b) => f(a, b, types[0].dtype)) };
}

// Numbers are known exactly where they are safe integers of an integer type.
function same(a: number, b: number, dtype: Dtype): number {
  return isInteger(dtype) && Number.isSafeInteger(a) && Number.isSafeInteger(b) ? Number(a === b) : Number.NaN;
}

function quotient(a: number, b: number, dtype: Dtype): number {
  if (!isInteger(dtype)) return a / b;
  return b === 0 ? 0 * a : Math.trunc(a / b);
}

const one = ({ dtype, device }: Tensor) => Tensor.scalar(1, dtype, device);
const zero = ({ dtype, device }: Tensor) => Tensor.scalar(0, dtype, device);
const squared = (x: Tensor) => mul(x, x);
const whereOr0 = (condition: Tensor, x: Tensor) => where(condition, x, zero(x));
const whereNot = (condition: Tensor, x: Tensor) => where(condition, zero(x), x);

// ---- one number -----------------------------------------------------------------------------------------------------------------

/** max(x, 0) on any number type; NaN stays NaN. */
export const relu = unary('relu', number, {}, { scalesThrough: true, grad: (dy, { output }) => [() => reluGrad(dy, output)] });
/** Real: dy where y, the output of a ReLU, is above 0, else 0. */
export const reluGrad = defineOp({
  name: 'reluGrad',
  inputs: ['dy', 'y'],
  params: {},
  infer([dy, y], _params, check) {
    check.dtype(realNumber.test(y.dtype), 'y', y, realNumber.text);
    check.dtype(dy.dtype === y.dtype, 'dy', dy, y.dtype, 'y has that type');
    check.shape(shapesMayEqual(dy.shape, y.shape), 'dy', dy, shapeText(y.shape), 'y has that shape');
    return y;
  },
  grad: 'none',
});
/** |x| on any number type; the least integer stays itself. */
export const abs = unary('abs', number, {}, { scalesThrough: true, grad: (dy, { inputs: [x] }) => [() => mul(dy, sign(x))] });
/** -x on any number type. */
export const neg: Op<readonly ['x']> = unary('neg', number, {}, { scalesThrough: true, grad: (dy) => [() => neg(dy)] });
/** -1, 0 or 1 on any number type; NaN stays NaN. */
export const sign = unary('sign', number, {}, { grad: 'none' });
/** min(max(x, min), max) on any number type, bounds saturate to it; NaN stays NaN. */
export const clip = unary('clip', number, noBounds, {
  verify: (_types, bounds, check) => checkBounds(bounds, check),
  grad: (dy, { inputs: [x], params }) => [() => clipGrad(dy, x, params)],
});
/** x in another element type, from any type to any. Real to integer truncates toward zero and saturates, NaN becomes 0; integers keep
 * their low bits; anything but 0 is true. */
export const cast: Op<readonly ['x'], { dtype: Dtype }> = defineOp({
  name: 'cast',
  byRows: true,
  inputs: ['x'],
  params: { dtype: required<Dtype>() },
  infer([x], { dtype }, check) {
    check.param(dtypes.includes(dtype), 'dtype', dtype, `one of ${dtypes.join(', ')}`);
    return { dtype, shape: x.shape };
  },
  permute: anyLayout,
  propagate: ([x], { dtype }) => (dtype === 'boolean' ? undefined : isReal(dtype) ? x : x?.map(Math.trunc)),
  grad: (dy, { inputs: [x] }) => [isReal(x.dtype) && isReal(dy.dtype) ? () => cast(dy, { dtype: x.dtype }) : undefined],
});

/** Real: the least integer from x on. */
export const ceil = real('ceil', {}, { grad: 'none' });
/** Real: the largest integer up to x. */
export const floor = real('floor', {}, { grad: 'none' });
/** Real: the nearest integer, ties to the even one. */
export const round = real('round', {}, { grad: 'none' });
/** Real: √x. */
export const sqrt: Op<readonly ['x']> = real('sqrt', {}, { grad: (dy, { output: y }) => [() => div(dy, add(y, y))] });
/** Real: 1 / x. */
export const reciprocal = real('reciprocal', {}, { grad: (dy, { output: y }) => [() => neg(mul(dy, squared(y)))] });
/** Real: e^x; float32 within 1 ulp. */
export const exp = real('exp', {}, { grad: (dy, { output }) => [() => mul(dy, output)] });
/** Real: the natural logarithm; float32 within 1 ulp. */
export const log = real('log', {}, { grad: (dy, { inputs: [x] }) => [() => div(dy, x)] });
/** Real, x in radians. */
export const sin: Op<readonly ['x']> = real('sin', {}, { grad: (dy, { inputs: [x] }) => [() => mul(dy, cos(x))] });
/** Real, x in radians. */
export const cos: Op<readonly ['x']> = real('cos', {}, { grad: (dy, { inputs: [x] }) => [() => neg(mul(dy, sin(x)))] });
/** Real, x in radians. */
export const tan = real('tan', {}, { grad: (dy, { output: y }) => [() => mul(dy, add(one(y), squared(y)))] });
/** Real, y in radians. */
export const asin = real('asin', {}, { grad: (dy, { inputs: [x] }) => [() => div(dy, sqrt(sub(one(x), squared(x))))] });
/** Real, y in radians. */
export const acos = real('acos', {}, { grad: (dy, { inputs: [x] }) => [() => neg(div(dy, sqrt(sub(one(x), squared(x)))))] });
/** Real, y in radians. */
export const atan = real('atan', {}, { grad: (dy, { inputs: [x] }) => [() => div(dy, add(one(x), squared(x)))] });
/** Real: the hyperbolic sine. */
export const sinh: Op<readonly ['x']> = real('sinh', {}, { grad: (dy, { inputs: [x] }) => [() => mul(dy, cosh(x))] });
/** Real: the hyperbolic cosine. */
export const cosh: Op<readonly ['x']> = real('cosh', {}, { grad: (dy, { inputs: [x] }) => [() => mul(dy, sinh(x))] });
/** The gradient of tanh from its result: dy·(1 − y²). */
export const tanhGrad = slopes('tanhGrad', 'y');
/** Real: the hyperbolic tangent; float32 within 2 ulp. */
export const tanh = real('tanh', {}, { grad: (dy, { output }) => [() => tanhGrad(dy, output)] });
/** Real: the inverse of sinh. */
export const asinh = real('asinh', {}, { grad: (dy, { inputs: [x] }) => [() => div(dy, sqrt(add(squared(x), one(x))))] });
/** Real: the inverse of cosh. */
export const acosh = real('acosh', {}, { grad: (dy, { inputs: [x] }) => [() => div(dy, sqrt(sub(squared(x), one(x))))] });
/** Real: the inverse of tanh. */
export const atanh = real('atanh', {}, { grad: (dy, { inputs: [x] }) => [() => div(dy, sub(one(x), squared(x)))] });
/** The gradient of erf: dy·2 / √π·e^(−x²). */
export const erfGrad = slopes('erfGrad', 'x');
/** Real: the error function; float32 within 2 ulp. */
export const erf = real('erf', {}, { grad: (dy, { inputs: [x] }) => [() => erfGrad(dy, x)] });

// ---- activations, with the defaults of ONNX -------------------------------------------------------------------------------------

/** The gradient of sigmoid from its result: dy·y·(1 − y). */
export const sigmoidGrad = slopes('sigmoidGrad', 'y');
/** Real: 1 / (1 + e^-x); float32 within 3 ulp. */
export const sigmoid = real('sigmoid', {}, { grad: (dy, { output }) => [() => sigmoidGrad(dy, output)] });
/** Real: clamp(alpha·x + beta, 0, 1). */
export const hardSigmoid = real(
  'hardSigmoid',
  { alpha: 0.2, beta: 0.5 },
  { grad: (dy, { inputs: [x], params }) => [() => hardSigmoidGrad(dy, x, params)] },
);
/** Real: x·clamp(x / 6 + 1/2, 0, 1). */
export const hardSwish = real('hardSwish', {}, { grad: (dy, { inputs: [x] }) => [() => hardSwishGrad(dy, x)] });
/** The gradient of silu: dy·s·(1 + x·(1 − s)), s = sigmoid(x). */
export const siluGrad = slopes('siluGrad', 'x');
/** Real: x·sigmoid(x); float32 within 4 ulp. */
export const silu = real('silu', {}, { grad: (dy, { inputs: [x] }) => [() => siluGrad(dy, x)] });

const geluParams = { approximate: 'none' as 'none' | 'tanh' };
const geluChoices = { approximate: ['none', 'tanh'] } as const;

/** The gradient of gelu: dy·(Φ(x) + x·φ(x)) with φ the density of the normal distribution, or the slope of the approximation. */
export const geluGrad = slopes('geluGrad', 'x', geluParams, geluChoices);
/**
 * Real: x·Φ(x) with Φ the normal distribution, or its approximation x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))). float32 within 6 ulp down to
 * x = −13, where results are 1e-37; of the approximation within 2^-23·|x|.
 */
export const gelu = real('gelu', geluParams, {
  choices: geluChoices,
  grad: (dy, { inputs: [x], params }) => [() => geluGrad(dy, x, params)],
});
/** Real: x, below 0 alpha·x. */
export const leakyRelu = real(
  'leakyRelu',
  { alpha: 0.01 },
  { scalesThrough: true, grad: (dy, { inputs: [x], params }) => [() => leakyReluGrad(dy, x, params)] },
);
/** Real: x, below 0 alpha·(e^x - 1). */
export const elu = real(
  'elu',
  { alpha: 1 },
  { grad: (dy, { inputs: [x], output: y, params: { alpha } }) => [() => eluGrad(dy, x, y, { rate: 1, offset: alpha, above: 1 })] },
);
/** Real: gamma·elu(x). */
export const selu = real(
  'selu',
  { alpha: 1.6732631921768188, gamma: 1.0507010221481323 },
  {
    grad: (dy, { inputs: [x], output: y, params: { alpha, gamma } }) => [
      () => eluGrad(dy, x, y, { rate: 1, offset: alpha * gamma, above: gamma }),
    ],
  },
);
/** Real: x, below 0 alpha·(e^(x / alpha) - 1); it has a gradient where alpha is not 0. */
export const celu = real(
  'celu',
  { alpha: 1 },
  { grad: (dy, { inputs: [x], output: y, params: { alpha } }) => [() => eluGrad(dy, x, y, { rate: 1 / alpha, offset: 1, above: 1 })] },
);
/** Real: log(1 + e^x). */
export const softplus = real('softplus', {}, { grad: (dy, { inputs: [x] }) => [() => mul(dy, sigmoid(x))] });
/** Real: x / (1 + |x|). */
export const softsign = real('softsign', {}, { grad: (dy, { inputs: [x] }) => [() => div(dy, squared(add(one(x), abs(x))))] });
/** Real: x·tanh(softplus(x)). */
export const mish = real('mish', {}, { grad: (dy, { inputs: [x] }) => [() => mishGrad(dy, x)] });
/** Real: x where it is above alpha, else 0. */
export const thresholdedRelu = real(
  'thresholdedRelu',
  { alpha: 1 },
  { grad: (dy, { inputs: [x], params: { alpha } }) => [() => whereOr0(greater(x, Tensor.scalar(alpha, x.dtype, x.device)), dy)] },
);

// ---- two numbers ----------------------------------------------------------------------------------------------------------------

/** a + b. */
export const add = binary(
  'add',
  number,
  {},
  {
    ...propagates((a, b) => a + b),
    grad: (dy, { inputs: [a, b] }) => [() => unbroadcast(dy, a), () => unbroadcast(dy, b)],
  },
);
/** Real: max(a + b, 0) in one pass, the end of a residual block; NaN stays NaN. */
export const addRelu = binary(
  'addRelu',
  realNumber,
  {},
  {
    grad(dy, { inputs: [a, b], output }) {
      const sum = lazily(() => reluGrad(dy, output));
      return [() => unbroadcast(sum(), a), () => unbroadcast(sum(), b)];
    },
  },
);
/** a - b. */
export const sub: Op<readonly ['a', 'b']> = binary(
  'sub',
  number,
  {},
  {
    ...propagates((a, b) => a - b),
    grad: (dy, { inputs: [a, b] }) => [() => unbroadcast(dy, a), () => neg(unbroadcast(dy, b))],
  },
);
/** a·b. */
export const mul: Op<readonly ['a', 'b']> = binary(
  'mul',
  number,
  {},
  {
    ...propagates((a, b) => a * b),
    grad: (dy, { inputs: [a, b] }) => [() => unbroadcast(mul(dy, b), a), () => unbroadcast(mul(dy, a), b)],
  },
);
/** a / b; integers truncate toward zero, and divided by 0 they give 0. */
export const div: Op<readonly ['a', 'b']> = binary(
  'div',
  number,
  {},
  {
    ...propagates(quotient),
    grad: (dy, { inputs: [a, b], output }) => [() => unbroadcast(div(dy, b), a), () => unbroadcast(neg(div(mul(dy, output), b)), b)],
  },
);
/** The larger; NaN where either is NaN. */
export const maximum = binary(
  'maximum',
  number,
  {},
  {
    grad: (dy, { inputs: [a, b] }) => [() => unbroadcast(maximumGrad(dy, a, b), a), () => unbroadcast(maximumGrad(dy, b, a), b)],
  },
);
/** The smaller; NaN where either is NaN. */
export const minimum = binary(
  'minimum',
  number,
  {},
  {
    grad: (dy, { inputs: [a, b] }) => [() => unbroadcast(maximumGrad(dy, b, a), a), () => unbroadcast(maximumGrad(dy, a, b), b)],
  },
);
/** The remainder: with the sign of b (integers only), or with `fmod` that of a. By an integer 0 it is 0. */
export const mod = binary(
  'mod',
  number,
  { fmod: false },
  {
    verify([a], { fmod }, check) {
      check.param(fmod || !isReal(a.dtype), 'fmod', fmod, 'true', `a is ${a.dtype}`);
    },
    // y = a - b·trunc(a / b), and the truncated quotient has no slope.
    grad: (dy, { inputs: [a, b], output: y }) => [() => unbroadcast(dy, a), () => unbroadcast(mul(dy, div(sub(y, a), b)), b)],
  },
);
/** a^b in the type of a; b may be of another number type. Integers to a negative power truncate to 0 (±1 for a = ±1). */
export const pow: Op<readonly ['a', 'b']> = defineOp({
  name: 'pow',
  byRows: true,
  inputs: ['a', 'b'],
  params: {},
  infer([a, b], _params, check) {
    check.dtype(number.test(a.dtype), 'a', a, number.text);
    check.dtype(number.test(b.dtype), 'b', b, number.text);
    return { dtype: a.dtype, shape: pairShape(a, b, check) };
  },
  permute: anyLayout,
  broadcasts: true,
  // By a it is b·a^(b - 1), 0 for b = 0 whatever a is; by b it is y·log(a), 0 where y is 0.
  grad(dy, { inputs: [a, b], output: y }) {
    const byBase = () => {
      const exponent = cast(b, { dtype: a.dtype });
      const slope = mul(exponent, pow(a, sub(exponent, one(a))));
      return unbroadcast(mul(dy, whereNot(equal(exponent, zero(a)), slope)), a);
    };
    const byExponent = () => cast(unbroadcast(mul(dy, whereNot(equal(y, zero(y)), mul(y, log(a)))), b), { dtype: b.dtype });
    return [byBase, isReal(b.dtype) ? byExponent : undefined];
  },
});
/** x, below 0 slope·x; slope broadcasts to the shape of x. */
export const prelu = defineOp({
  name: 'prelu',
  byRows: true,
  inputs: ['x', 'slope'],
  params: {},
  infer([x, slope], _params, check) {
    check.dtype(number.test(x.dtype), 'x', x, number.text);
    check.dtype(slope.dtype === x.dtype, 'slope', slope, x.dtype, 'x has that type');
    const shape = broadcast(x.shape, slope.shape);
    const fits = shape?.length === x.shape.length && shape.every((n, i) => mayEqual(n, x.shape[i]));
    check.shape(fits, 'slope', slope, `a shape that broadcasts to ${shapeText(x.shape)}`);
    return x;
  },
  permute: anyLayout,
  broadcasts: true,
  scalesThrough: true,
  grad: (dy, { inputs: [x, slope] }) => [
    () => where(greater(x, zero(x)), dy, mul(dy, slope)),
    () => unbroadcast(mul(dy, minimum(x, zero(x))), slope),
  ],
  learns: ['slope'],
});
/** a shifted by b bits, unsigned integers; bits that leave the type are lost. */
export const bitShift = binary(
  'bitShift',
  unsigned,
  { direction: required<'left' | 'right'>() },
  { choices: { direction: ['left', 'right'] }, grad: 'none' },
);

// ---- truth ----------------------------------------------------------------------------------------------------------------------

/** a = b, numbers or booleans; boolean. */
export const equal = binary('equal', anything, {}, { output: 'boolean', grad: 'none', ...propagates(same) });
/** a < b; boolean. */
export const less = binary('less', number, {}, { output: 'boolean', grad: 'none' });
/** a ≤ b; boolean. */
export const lessOrEqual = binary('lessOrEqual', number, {}, { output: 'boolean', grad: 'none' });
/** a > b; boolean. */
export const greater = binary('greater', number, {}, { output: 'boolean', grad: 'none' });
/** a ≥ b; boolean. */
export const greaterOrEqual = binary('greaterOrEqual', number, {}, { output: 'boolean', grad: 'none' });
/** Booleans: both. */
export const and = binary('and', boolean, {}, { grad: 'none' });
/** Booleans: at least one. */
export const or = binary('or', boolean, {}, { grad: 'none' });
/** Booleans: exactly one. */
export const xor = binary('xor', boolean, {}, { grad: 'none' });
/** Booleans: the opposite. */
export const not = unary('not', boolean, {}, { grad: 'none' });

const isNotANumber = real('isNaN', {}, { output: 'boolean', grad: 'none' });

export {
  /** Real: whether x is NaN; boolean. */
  isNotANumber as isNaN,
};
/** Real: whether x is an infinity of a sign that counts; boolean. */
export const isInf = real('isInf', { negative: true, positive: true }, { output: 'boolean', grad: 'none' });

/** a where the boolean condition holds, else b; all three broadcast, a and b are of one type. */
export const where: Op<readonly ['condition', 'a', 'b']> = defineOp({
  name: 'where',
  byRows: true,
  inputs: ['condition', 'a', 'b'],
  params: {},
  infer([condition, a, b], _params, check) {
    check.dtype(condition.dtype === 'boolean', 'condition', condition, 'boolean');
    check.dtype(b.dtype === a.dtype, 'b', b, a.dtype, 'a has that type');
    const values = pairShape(a, b, check);
    const shape = broadcast(condition.shape, values);
    check.shape(shape !== undefined, 'condition', condition, `a shape that broadcasts with ${shapeText(values)}`);
    return { dtype: a.dtype, shape: shape as Shape };
  },
  permute: anyLayout,
  broadcasts: true,
  propagate: (known, _params, types) => combined(known, types, (c, a, b) => (c === 1 || Object.is(a, b) ? a : c === 0 ? b : Number.NaN)),
  grad: (dy, { inputs: [condition, a, b] }) => [
    undefined,
    () => unbroadcast(whereOr0(condition, dy), a),
    () => unbroadcast(whereNot(condition, dy), b),
  ],
});

// ---- gradients of what would take too many passes otherwise ----------------------------------------------------------------------

/** An op of dy and what it is a gradient by, all of one real type and, unless they broadcast, one shape. */
function gradient<const I extends readonly string[], P extends { [name: string]: number }>(
  name: string,
  inputs: I,
  params: P,
  verify = finite,
) {
  return defineOp({
    name,
    inputs,
    params,
    infer(types, given, check) {
      const [dy] = types;
      check.dtype(realNumber.test(dy.dtype), 'dy', dy, realNumber.text);
      for (const [i, type] of types.entries()) {
        check.dtype(type.dtype === dy.dtype, inputs[i], type, dy.dtype, 'dy has that type');
        check.shape(shapesMayEqual(type.shape, dy.shape), inputs[i], type, shapeText(dy.shape), 'dy has that shape');
      }
      verify(given, check);
      return dy;
    },
    permute: anyLayout,
    grad: 'none',
  });
}

function finite(given: { [name: string]: number }, check: Check): void {
  for (const [parameter, value] of Object.entries(given)) check.param(Number.isFinite(value), parameter, value, 'a finite number');
}

/** dy where min ≤ x ≤ max, else 0. */
export const clipGrad = gradient(
  'clipGrad',
  ['dy', 'x'],
  { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY },
  (bounds, check) => checkBounds(bounds as { min: number; max: number }, check),
);
/** dy above 0, else alpha·dy. */
export const leakyReluGrad = gradient('leakyReluGrad', ['dy', 'x'], { alpha: 0.01 });
/** alpha·dy where 0 < alpha·x + beta < 1, else 0. */
export const hardSigmoidGrad = gradient('hardSigmoidGrad', ['dy', 'x'], { alpha: 0.2, beta: 0.5 });
/** dy·(x / 3 + 1/2) between -3 and 3, dy above, 0 below. */
export const hardSwishGrad = gradient('hardSwishGrad', ['dy', 'x'], {});
/** above·dy where x > 0, else (rate·y + offset)·dy: elu and its kin, whose slope below 0 follows from their value y. */
export const eluGrad = gradient('eluGrad', ['dy', 'x', 'y'], { rate: 1, offset: 1, above: 1 });
/** dy times the slope of mish at x: t + x·s·(1 - t²) with t = tanh(softplus(x)) and s = sigmoid(x). */
export const mishGrad = gradient('mishGrad', ['dy', 'x'], {});
/** The gradient of a in maximum(a, b) before it is summed to the shape of a: dy where a > b, half of it where they are equal, else 0. */
export const maximumGrad = defineOp({
  name: 'maximumGrad',
  inputs: ['dy', 'a', 'b'],
  params: {},
  infer([dy, a, b], _params, check) {
    check.dtype(realNumber.test(dy.dtype), 'dy', dy, realNumber.text);
    check.dtype(a.dtype === dy.dtype, 'a', a, dy.dtype, 'dy has that type');
    check.dtype(b.dtype === dy.dtype, 'b', b, dy.dtype, 'dy has that type');
    check.shape(shapesMayEqual(pairShape(a, b, check), dy.shape), 'dy', dy, 'the shape that a and b broadcast to');
    return dy;
  },
  permute: anyLayout,
  broadcasts: true,
  grad: 'none',
});
