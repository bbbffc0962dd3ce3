/** Several elementwise ops in one pass over memory: what a compiled session makes of them. */
import { type Check, defineListOp, required } from '../op.js';
import { broadcast, mayEqual, type Shape, type TensorType } from '../shape.js';
import { checkInRange, isCode } from './codes.js';

/** What a program computes with: the float32 arithmetic of the ops of these names (geluTanh: gelu, approximated), in the order of their codes. */
export const instructions = [
  ...(['add', 'sub', 'mul', 'div', 'maximum', 'minimum'] as const),
  ...(['sqrt', 'neg', 'relu', 'exp', 'tanh', 'erf', 'sigmoid', 'silu', 'gelu', 'geluTanh'] as const),
];

export type Instruction = (typeof instructions)[number];

/** Operands of a block of numbers lie in the first cache: these are 64 KiB at most, and a program of usual length uses a quarter of them. */
export const mostFused = { inputs: 16, instructions: 16 };

/**
 * y = the last result of a program on each element.
 *
 * Its operands are the inputs, then the results so far; `program` is three numbers an instruction: its code, and the operands a and b (of
 * functions of one operand a is repeated). Inputs are float32, of the shape of y, or of y's dimensions up to one, then ones, but for the last,
 * which may be y's or 1: a row vector, a column, one number. uint8 and int8 inputs have y's shape and are read as numbers.
 * As uint8 or int8 y is clamp(rne(result) + zeroPoint), NaN becomes the zero point: a division before it makes that `quantize`.
 */
export const fusedElementwise = defineListOp({
  name: 'fusedElementwise',
  byRows: true,
  inputs: ['xs'],
  params: { program: required<readonly number[]>(), zeroPoint: 0, dtype: 'float32' as 'float32' | 'uint8' | 'int8' },
  infer(types, { program, zeroPoint, dtype }, check) {
    const count = types.length;
    check.param(count >= 1 && count <= mostFused.inputs, 'xs', count, `from 1 to ${mostFused.inputs} tensors`);
    const shape = checkInputs(types, check);
    checkProgram(program, count, check);
    check.param(dtype === 'float32' || isCode(dtype), 'dtype', dtype, 'float32, uint8 or int8');
    if (dtype === 'float32') check.param(zeroPoint === 0, 'zeroPoint', zeroPoint, '0', 'y is float32');
    else checkInRange(check, 'zeroPoint', zeroPoint, dtype);
    return { dtype, shape };
  },
  grad: 'none',
});

function checkInputs(types: readonly TensorType[], check: Check): Shape {
  let shape: Shape = [];
  for (const [i, type] of types.entries()) {
    check.dtype(type.dtype === 'float32' || isCode(type.dtype), `xs[${i}]`, type, 'float32, uint8 or int8');
    const both = broadcast(shape, type.shape);
    check.shape(both !== undefined, `xs[${i}]`, type, `a shape that broadcasts with [${shape}]`);
    shape = both as Shape;
  }
  for (const [i, type] of types.entries()) {
    const expected = isCode(type.dtype) ? `[${shape}]` : `leading dimensions of [${shape}], then ones up to the last`;
    check.shape(canFuse(type, shape), `xs[${i}]`, type, expected);
  }
  return shape;
}

/** Whether an input, which broadcasts to the shape of y, lies as programs read them: once it repeats a dimension it repeats those that follow,
 * apart from the last; codes repeat none. */
export function canFuse({ dtype, shape: x }: TensorType, y: Shape): boolean {
  const repeats = y.map((n, i) => n !== 1 && (x[i + x.length - y.length] ?? 1) === 1);
  if (isCode(dtype)) return !repeats.includes(true);
  const [first, end] = [repeats.indexOf(true), y.length - 1];
  return first < 0 || repeats.slice(first, end).every((is, i) => is || mayEqual(y[first + i], 1));
}

function checkProgram(program: readonly number[], inputs: number, check: Check): void {
  const { length } = program;
  const whole = Array.isArray(program) && length % 3 === 0 && length >= 3 && length <= 3 * mostFused.instructions;
  check.param(whole, 'program', length, `three numbers for each of 1 to ${mostFused.instructions} instructions`);
  for (let i = 0; i < length; i += 3) {
    const below = [instructions.length, inputs + i / 3, inputs + i / 3];
    const known = below.every((end, j) => Number.isInteger(program[i + j]) && program[i + j] >= 0 && program[i + j] < end);
    check.param(known, `program[${i / 3}]`, program.slice(i, i + 3), `a code and two operands, below ${below.join(', ')}`);
  }
}
