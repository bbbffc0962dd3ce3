/** The one door between TypeScript and native code: checks, infers the output, dispatches, records. */
import { call } from './calls.js';
import { runsOnCard } from './cuda.js';
import { asFault, fail } from './error.js';
import { native, type OpInfo, type RowInfo } from './native.js';
import { axisIndex, type Device, type Dtype, dtypes, type Shape, sizeOf, type TensorType } from './shape.js';
import { Tensor } from './tensor.js';

/** What a parameter may be. Numbers, booleans and lists go to the kernel; strings (a dtype, a mode) only steer `infer`. */
export type ParamValue = number | boolean | string | readonly number[];

/** Marks a parameter that has no default. */
export function required<T extends ParamValue>(): T {
  return undefined as unknown as T;
}

/** A call as a gradient rule sees it. */
export interface GradCall<P> {
  inputs: readonly Tensor[];
  output: Tensor;
  params: P;
}

/**
 * The gradient of a loss by each input, given `dy`, its gradient by the output. One thunk an input, called only when somebody needs that
 * gradient; `undefined` for an input that has none (indices, running statistics). A thunk returns a new tensor of the input's shape, or `dy`.
 *
 * A thunk that declares a parameter offers to add: it gets the gradient that the input has from its other uses, if there is one already, and
 * returns the sum. It is for ops that can begin their sums with it, which saves a pass over memory.
 */
export type GradRule<P> = (dy: Tensor, call: GradCall<P>) => readonly (GradThunk | undefined)[];
export type GradThunk = (before?: Tensor) => Tensor;

/** What an op family writes down about an op; everything else follows from it and the op table. */
export interface OpSpec<I extends readonly string[], P extends object> {
  /** The name in native/ops.inc. */
  name: string;
  /** Input names as in the op table; an op over any number of inputs names its list. */
  inputs: I;
  any?: boolean;
  /** Parameters with their defaults, `required()` where there is none. */
  params: P;
  /** Words that a parameter of the op table may take; the kernel gets their index. Other strings stay in TypeScript. */
  choices?: { readonly [K in keyof P]?: readonly string[] };
  /** Output type from input types; throws the caller's mistakes. Unknown dimensions are NaN. */
  infer(types: readonly TensorType[], params: P, check: Check): TensorType;
  /** Parameters for the same computation when every full-rank input is stored transposed by `perm`, and so is the output. */
  permute?(params: P, perm: readonly number[]): P | undefined;
  /** Inputs broadcast against each other as in numpy, so all of them share the output's layout; otherwise only the first does. */
  broadcasts?: boolean;
  /** y[i] = f(x[i]) on real numbers: on 8-bit codes it is a table of 256. */
  pointwise?: boolean;
  /** Computes on codes: what a quantized region is made of. */
  integer?: boolean;
  /** Of constants it is kept as a node (a dequantize of packed weights is what makes them small). */
  neverFolds?: boolean;
  /** f(s·x) = s·f(x) for s > 0: scales move through it. */
  scalesThrough?: boolean;
  /** Copies elements without computing: it runs on quantized codes as it is. */
  movesElements?: boolean;
  /** The weight input and its output-channel axis, for ops whose weights are worth quantizing. */
  quantizes?: { weight: I[number]; axis: number };
  /** How gradients flow back; 'none' where they end: integers, steps, and what is only used in gradients itself. */
  grad: GradRule<P> | 'none';
  /** Inputs that training may learn: weights, biases, scales; not statistics or indices. */
  learns?: readonly I[number][];
  /**
   * A batch may be computed in slices along the first axis: row i of the output is made of row i of the inputs that hold the batch
   * (those that are `varying`), and of the whole of the others. True is for the first input, `streams` and inputs that broadcast; where it
   * depends on the call, a function of it.
   */
  byRows?: true | ((types: readonly TensorType[], params: P, varying: readonly boolean[]) => boolean);
  /** Inputs that vary from call to call like the first, where the others are weights: kernels keep nothing of them. */
  streams?: readonly I[number][];
  /** The op writes its first input in place and returns it (optimizers, running statistics); it is never recorded. */
  updates?: boolean;
  /** Small integer results that follow from known shapes and values (NaN where unknown), so that shape arithmetic folds. */
  propagate?(known: readonly (readonly number[] | undefined)[], params: P, types: readonly TensorType[]): readonly number[] | undefined;
}

type Tensors<I extends readonly string[]> = { [K in keyof I]: Tensor };

/** An op: call it with tensors, or ask it about itself. */
export type Op<I extends readonly string[] = readonly string[], P extends object = object> = OpSpec<I, P> &
  ((...args: [...Tensors<I>, params?: Partial<P>]) => Tensor);
/** An op over a list of tensors. */
export type ListOp<I extends readonly string[] = readonly string[], P extends object = object> = OpSpec<I, P> &
  ((inputs: readonly Tensor[], params?: Partial<P>) => Tensor);
// biome-ignore lint/suspicious/noExplicitAny: an op of any arity and parameters
export type AnyOp = OpSpec<any, any> & ((...args: any[]) => Tensor);

/** Complaints in the form of the fault catalogue, with the op's name filled in. */
export class Check {
  constructor(readonly op: string) {}
  shape(ok: boolean, input: string, type: TensorType, expected: string, because?: string): void {
    if (!ok) fail({ code: 'shape', op: this.op, input, came: type.shape, expected, because });
  }
  dtype(ok: boolean, input: string, type: TensorType, expected: string, because?: string): void {
    if (!ok) fail({ code: 'dtype', op: this.op, input, came: type.dtype, expected, because });
  }
  param(ok: boolean, parameter: string, came: unknown, expected: string, because?: string): void {
    if (!ok) fail({ code: 'parameter', op: this.op, parameter, came, expected, because });
  }
  /** A possibly negative axis as an index into the dimensions of an input. */
  axis(axis: number, input: string, type: TensorType, parameter = 'axis'): number {
    const rank = type.shape.length;
    const index = axisIndex(axis, rank);
    this.param(index !== undefined, parameter, axis, `whole numbers from ${-rank} to ${rank - 1}`, `${input} has ${rank} dimensions`);
    return index as number;
  }
}

/** Defines an op. Its kernels are the rows of the same name in native/ops.inc. */
export function defineOp<const I extends readonly string[], P extends object>(spec: OpSpec<I, P>): Op<I, P> {
  const invoke = (...args: unknown[]): Tensor => {
    const hasParams = args.length > spec.inputs.length;
    return runOp(op as unknown as AnyOp, args.slice(0, spec.inputs.length) as Tensor[], (hasParams ? args.at(-1) : {}) as object);
  };
  const op = named(invoke, spec) as unknown as Op<I, P>;
  return op;
}

/** Defines an op over a list of tensors. */
export function defineListOp<const I extends readonly string[], P extends object>(spec: OpSpec<I, P>): ListOp<I, P> {
  const invoke = (inputs: readonly Tensor[], params: object = {}): Tensor => runOp(op as unknown as AnyOp, inputs, params);
  const op = named(invoke, { ...spec, any: true }) as unknown as ListOp<I, P>;
  return op;
}

function named(invoke: unknown, spec: { name: string; any?: boolean }) {
  Object.defineProperty(invoke, 'name', { value: spec.name });
  const { name: _, ...rest } = spec;
  return Object.assign(invoke as object, rest);
}

/** All parameters of a call: defaults filled in, unknown names and missing ones refused. */
export function completeParams(op: AnyOp, params: object): Record<string, ParamValue> {
  const known = Object.keys(op.params);
  for (const option of Object.keys(params)) {
    if (!known.includes(option)) fail({ code: 'unknownOption', where: op.name, option, allowed: known });
  }
  const full: Record<string, ParamValue> = { ...op.params };
  for (const [name, value] of Object.entries(params)) if (value !== undefined) full[name] = value;
  for (const name of known) {
    if (full[name] === undefined) fail({ code: 'parameter', op: op.name, parameter: name, came: undefined, expected: 'a value' });
    const choices = op.choices?.[name] as readonly string[] | undefined;
    if (choices && !choices.includes(full[name] as string)) {
      fail({ code: 'parameter', op: op.name, parameter: name, came: full[name], expected: `one of ${choices.join(', ')}` });
    }
  }
  return full;
}

// A few bytes of a hostile model can ask for any output; nothing real is larger.
const mostElements = 2 ** 31;

/** The output type of an op for these inputs; `params` are complete. */
export function inferType(op: AnyOp, types: readonly TensorType[], params: object): TensorType {
  const check = new Check(op.name);
  const type = op.infer(types, params, check);
  check.shape(!(sizeOf(type.shape) > mostElements), 'the output', type, `at most ${mostElements} elements`);
  check.shape(type.shape.length <= 8, 'the output', type, 'at most 8 dimensions');
  return type;
}

export interface RecordedCall {
  op: AnyOp;
  inputs: readonly Tensor[];
  params: Record<string, ParamValue>;
  output: Tensor;
}

let recorder: ((call: RecordedCall) => void) | undefined;

/** Runs `body` and reports every op call in it: what tracing and the tape are made of. */
export function record<T>(body: () => T, onCall: (call: RecordedCall) => void): T {
  const outer = recorder;
  recorder = (call) => {
    onCall(call);
    outer?.(call);
  };
  try {
    return body();
  } finally {
    recorder = outer;
  }
}

/** Runs an op on the best kernel row, or on the row named by its variant. */
export function runOp(op: AnyOp, inputs: readonly Tensor[], params: object = {}, row?: string): Tensor {
  const full = completeParams(op, params);
  if (!op.any && inputs.length !== op.inputs.length) {
    fail({
      code: 'parameter',
      op: op.name,
      parameter: 'inputs',
      came: inputs.length,
      expected: `${op.inputs.length} tensors (${op.inputs.join(', ')})`,
    });
  }
  const type = inferType(op, inputs, full);
  const device = deviceOf(op, inputs, full);
  const output = op.updates ? inputs[0] : Tensor.uninitialized(type.dtype, type.shape, device);
  try {
    const { index, numbers } = callNumbers(op, full);
    call(index, row === undefined ? -1 : rowNamed(tableEntry(op), row), inputs, output, numbers, op.updates);
    if (op.updates) for (const input of inputs) input.changed();
  } catch (error) {
    if (!op.updates) output.dispose();
    throw asFault(error);
  }
  if (!op.updates) recorder?.({ op, inputs, params: full, output });
  return output;
}

/** The device of all inputs; an op without any says it. */
function deviceOf(op: AnyOp, inputs: readonly Tensor[], params: Record<string, ParamValue>): Device {
  const devices = new Set(inputs.length ? inputs.map((input) => input.device) : [(params.device ?? 'cpu') as Device]);
  if (devices.size > 1) fail({ code: 'device', op: op.name, devices: [...devices] });
  const [device = 'cpu'] = devices;
  if (device !== 'cpu' && !rowsOf(op, device).length) {
    fail({ code: 'kernel', op: op.name, row: device, problem: 'does not exist: move its inputs with tensor.to("cpu")' });
  }
  return device;
}

/** The op's place in the op table, and what its kernels get for complete parameters. */
export function callNumbers(op: AnyOp, params: Record<string, ParamValue>): { index: number; numbers: (readonly number[])[] } {
  const numbers = tableEntry(op).params.map((name) => numbersOf(params[name], op.choices?.[name]));
  return { index: native().indexOf.get(op.name) as number, numbers };
}

/** A parameter as the kernel gets it: words are their index among the choices. */
function numbersOf(value: ParamValue, choices: readonly string[] | undefined): readonly number[] {
  if (Array.isArray(value)) return value as readonly number[];
  return [choices ? choices.indexOf(value as string) : Number(value)];
}

const isRunnable = ({ device, needs, runnable }: RowInfo) => (device === 'cuda' ? runsOnCard(needs) : Boolean(runnable));

/** The variants of an op's rows that this machine can run on a device, best first. */
export function rowsOf(op: AnyOp, device: Device = 'cpu'): string[] {
  return tableEntry(op)
    .rows.filter((row) => row.device === device && isRunnable(row))
    .map((row) => row.variant);
}

function rowNamed(info: OpInfo, variant: string): number {
  const index = info.rows.findIndex((row) => row.variant === variant);
  if (index < 0) {
    fail({
      code: 'kernel',
      op: info.name,
      row: variant,
      problem: `does not exist; there are ${info.rows.map((row) => row.variant).join(', ')}`,
    });
  }
  if (!isRunnable(info.rows[index])) fail({ code: 'kernel', op: info.name, row: variant, problem: 'cannot run on this machine' });
  return index;
}

const checked = new WeakMap<AnyOp, OpInfo>();

/** The op's line of the table, compared on first use with what TypeScript says about it. */
function tableEntry(op: AnyOp): OpInfo {
  const seen = checked.get(op);
  if (seen) return seen;
  const { schema, indexOf } = native();
  if (schema.dtypes.join() !== dtypes.join()) fail({ code: 'internal', problem: 'the addon has other element types; rebuild it' });
  const info = schema.ops[indexOf.get(op.name) ?? -1];
  const problem = tableMismatch(op, info);
  if (problem) fail({ code: 'internal', problem: `${op.name}: ${problem}; the addon and lib/ are of different versions` });
  checked.set(op, info);
  return info;
}

/** The lines of the op table. */
export function opTable(): readonly OpInfo[] {
  return native().schema.ops;
}

/** What the table and the TypeScript description of an op disagree about, if anything. */
export function tableMismatch(op: AnyOp, info: OpInfo | undefined): string | undefined {
  if (!info) return 'it is not in the op table';
  if (info.inputs.join() !== op.inputs.join()) return `inputs are (${op.inputs}) here and (${info.inputs}) in the op table`;
  if (info.anyInputs !== Boolean(op.any)) return 'only one side takes any number of inputs';
  const params = Object.keys(op.params);
  const missing = info.params.filter((name) => !params.includes(name));
  if (missing.length) return `parameters ${missing} of the op table are missing`;
  const extra = params.filter(
    (name) => !info.params.includes(name) && typeof op.params[name] !== 'string' && op.params[name] !== undefined,
  );
  if (extra.length) return `parameters ${extra} are not in the op table`;
  return undefined;
}

/** The thread count of the pool that all kernels share; give a number to change it. Results do not depend on it. */
export function threads(count?: number): number {
  if (count !== undefined && !(Number.isInteger(count) && count >= 1 && count <= 64)) {
    fail({ code: 'option', where: 'threads', option: 'count', came: count, expected: 'a whole number from 1 to 64' });
  }
  return native().addon.threads(count);
}

export type { Dtype, Shape, TensorType };
