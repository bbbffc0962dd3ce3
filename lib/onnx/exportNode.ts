/** What an operator's export sees of a node of the graph: its inputs as names of the file, in the layout it asks for. */
import { fail } from '../error.js';
import { type Graph, isValue, type Node, type Value } from '../graph/graph.js';
import { isIdentity, Layouts, type Perm } from '../graph/layout.js';
import type { Types } from '../graph/types.js';
import type { ParamValue } from '../op.js';
import { dequantize, reshape, transpose } from '../ops/index.js';
import { bytesPerElement, type Dtype, integerRange, isInteger, type Shape, sizeOf, type TensorType } from '../shape.js';
import { scope, Tensor } from '../tensor.js';
import { opsetFor, opsetOf } from './opsets.js';

/** An attribute's value, by the field that holds it. */
export interface AttributeValue {
  i?: number;
  f?: number;
  s?: string;
  ints?: readonly number[];
  t?: { dtype: Dtype; shape: Shape; values: readonly number[] };
}

/** The end of a slice may be infinite, or 2^63 after rounding: the largest integer that fits means the same. */
export const withinInt64 = (n: number) => Math.min(Math.max(n, -(2 ** 63)), 2 ** 63 - 1024);

/** Attributes by name; those that are undefined are left out. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** A node of the file. */
export interface FileNode {
  type: string;
  name: string;
  inputs: string[];
  output: string;
  /** Outputs ahead of it that nobody reads. */
  unread: readonly string[];
  attributes: Attributes;
}

/** The file under construction. */
export class FileGraph {
  readonly nodes: FileNode[] = [];
  readonly initializers = new Map<string, Tensor>();
  readonly layouts: Layouts<Value, string>;
  readonly #names = new Set<string>();
  readonly #constants = new Map<string, string>();

  constructor(
    readonly graph: Graph,
    readonly types: Types,
    readonly opset: number,
  ) {
    this.layouts = new Layouts((stored, perm) => this.emit('Transpose', stored, [stored], { perm: { ints: perm } }));
    for (const input of graph.inputs) {
      this.#names.add(input.name);
      this.layouts.set(input, input.name);
    }
    for (const { name } of graph.outputs) this.#names.add(name);
  }

  uniqueName(hint: string): string {
    let name = hint || 'value';
    for (let i = 1; this.#names.has(name); i++) name = `${hint}_${i}`;
    this.#names.add(name);
    return name;
  }

  emit(type: string, hint: string, inputs: readonly string[], attributes: Attributes = {}, unread: readonly string[] = []): string {
    this.refuseNewer(type, hint, attributes);
    const output = this.uniqueName(hint);
    const used = inputs.findLastIndex((name) => name !== '') + 1;
    this.nodes.push({ type, name: output, inputs: inputs.slice(0, used), output, unread, attributes });
    return output;
  }

  // Other readers refuse operators and attributes that the opset of the file does not have.
  private refuseNewer(type: string, name: string, attributes: Attributes): void {
    const given = Object.keys(attributes).filter((attribute) => attributes[attribute]);
    const newest = opsetOf(type, given);
    if (newest <= this.opset) return;
    const reason = `${type} as it is here needs opset ${newest}, not ${this.opset}`;
    fail({ code: 'unsupported', where: 'onnx export', items: [{ name, op: type, reason }] });
  }

  initializer(hint: string, tensor: Tensor): string {
    const name = this.uniqueName(hint);
    this.initializers.set(name, tensor);
    return name;
  }

  /** The name under which a value is found stored by `perm`. Constants, and dequantized ones, are written the way they are wanted. */
  in(value: Value, perm?: Perm): string {
    if (!this.isWeight(value)) return this.layouts.as(value, perm);
    const order = perm && !isIdentity(perm) ? perm : undefined;
    const key = `${value.name}\n${order ?? ''}`;
    const known = this.#constants.get(key);
    if (known) return known;
    const name = this.writeWeight(value, order);
    this.#constants.set(key, name);
    return name;
  }

  /** A constant, or codes that are constant behind a dequantize: weights. */
  isWeight(value: Value): boolean {
    return this.graph.constants.has(value) || (value.producer?.op === dequantize && this.graph.constants.has(value.producer.inputs[0]));
  }

  private writeWeight(value: Value, perm: Perm | undefined): string {
    const tensor = this.graph.constantOf(value);
    if (tensor) return this.initializer(value.name, perm ? transpose(tensor, { perm }) : tensor);
    const { inputs, params } = value.producer!;
    const [codes, scale, zeroPoint] = inputs;
    const rank = this.types.rank(codes)!;
    const axis = Number(params.axis ?? dequantize.params.axis);
    const index = axis < 0 ? axis + rank : axis;
    const names = [this.in(codes, perm), this.in(scale)];
    // The format wants no zero point beside int32 (it is 0).
    if (this.types.get(codes)?.dtype !== 'int32') names.push(this.in(zeroPoint));
    const perChannel = this.types.rank(scale) === 1 && sizeOf(this.types.get(scale)!.shape) > 1;
    if (perChannel && this.opset < 13) {
      const reason = `a scale for each channel needs opset 13, not ${this.opset}`;
      fail({ code: 'unsupported', where: 'onnx export', items: [{ name: value.name, op: dequantize.name, reason }] });
    }
    return this.emit('DequantizeLinear', value.name, names, perChannel ? { axis: { i: perm ? perm.indexOf(index) : index } } : {});
  }
}

export class ExportNode {
  /** The layout that all operands share, when the op can work in one that is not the graph's own. */
  readonly perm: Perm | undefined;
  readonly params: Record<string, ParamValue | Value>;

  constructor(
    readonly node: Node,
    readonly file: FileGraph,
  ) {
    this.params = { ...node.op.params, ...node.params };
    this.perm = this.sharedPerm();
  }

  get opset(): number {
    return this.file.opset;
  }

  /** Stops the export: this node cannot be written, and why. */
  refuse(reason: string): never {
    return fail({ code: 'unsupported', where: 'onnx export', items: [{ name: this.node.name, op: this.node.op.name, reason }] });
  }

  /** Refuses what needs a newer opset. */
  since(opset: number, what: string): void {
    if (this.opset < opset) this.refuse(`${what} needs opset ${opset}, not ${this.opset}`);
  }

  type(value: Value): TensorType | undefined {
    return this.file.types.get(value);
  }
  rank(value: Value): number {
    return this.type(value)?.shape.length ?? this.refuse(`the rank of "${value.name}" is not known`);
  }
  /** The element type of the first input. */
  dtype(): Dtype {
    return this.type(this.node.inputs[0])?.dtype ?? 'float32';
  }
  constant(value: Value): Tensor {
    return this.file.graph.constantOf(value) ?? this.refuse(`"${value.name}" has to be constant`);
  }
  /** Is this input a constant of zeros (a bias that is none)? */
  isZero(index: number): boolean {
    const tensor = this.file.graph.constantOf(this.node.inputs[index]);
    return tensor?.toNumbers().every((x) => x === 0) ?? false;
  }

  // ---- names -----------------------------------------------------------------------------------------------------------------------

  in(value: Value, perm?: Perm): string {
    return this.file.in(value, perm);
  }
  /** An input as it lies in the shared layout. */
  stored(index: number): string {
    return this.operand(this.node.inputs[index], this.perm);
  }
  ints(values: readonly number[]): string {
    return this.initializer('int64', [values.length], values);
  }
  /** A number as the file holds it; integers saturate, as they do in our ops. */
  scalar(value: number, dtype: Dtype = 'float32'): string {
    const [low, high] = isInteger(dtype) && bytesPerElement(dtype) < 8 ? integerRange(dtype) : [-Infinity, Infinity];
    return this.initializer(dtype, [], [Math.min(Math.max(value, low), high)]);
  }
  initializer(dtype: Dtype, shape: Shape, values: ArrayLike<number>): string {
    const fit = dtype === 'int64' ? Array.from(values, withinInt64) : values;
    const wrong = isInteger(dtype) ? Array.from(fit).find((value) => !Number.isInteger(value)) : undefined;
    if (wrong !== undefined) this.refuse(`it needs the number ${wrong}, which is no ${dtype}`);
    return this.file.initializer(`${this.node.output.name}.${dtype === 'int64' ? 'shape' : 'constant'}`, Tensor.from(fit, shape, dtype));
  }

  /** A parameter as an input of the file: a new initializer, or the name of what the graph computes. */
  parameter(value: ParamValue | Value, dtype: Dtype = 'int64'): string {
    if (isValue(value)) return this.in(value);
    return typeof value === 'number' ? this.scalar(value, dtype) : this.initializer(dtype, [(value as number[]).length], value as number[]);
  }
  /** The parameters as they are in the shared layout, for an opset that has them as attributes. */
  fixedParams(): Record<string, ParamValue> {
    const params = this.layoutParams();
    for (const [name, value] of Object.entries(params)) {
      if (isValue(value)) this.refuse(`${name} is computed while the model runs, which opset ${this.opset} cannot express`);
    }
    return params as Record<string, ParamValue>;
  }

  // ---- writing ---------------------------------------------------------------------------------------------------------------------

  emit(type: string, inputs: readonly string[], attributes: Attributes = {}, unread: readonly string[] = []): string {
    this.since(opsetFor(type, this.dtype()), `${type} of ${this.dtype()}`);
    return this.file.emit(type, this.node.output.name, inputs, attributes, unread);
  }
  /** The node's output is this name, stored by `perm`. */
  done(name: string, perm?: Perm): void {
    this.file.layouts.set(this.node.output, name, perm);
  }

  /** An operator that works in any layout as long as all inputs share it. */
  elementwise(type: string, attributes: Attributes = {}, more: readonly string[] = []): void {
    const inputs = this.node.inputs.map((value) => this.operand(value, this.perm));
    this.done(this.emit(type, [...inputs, ...more], attributes), this.perm);
  }
  /** An operator whose first input sets the layout (use `layoutParams` for its axes); the other inputs are what they are. */
  first(type: string, attributes: Attributes = {}, more: readonly string[] = []): void {
    const [x, ...rest] = this.node.inputs;
    this.done(this.emit(type, [this.in(x, this.perm), ...rest.map((value) => this.in(value)), ...more], attributes), this.perm);
  }
  /** An operator that needs the graph's own layout. */
  plain(type: string, attributes: Attributes = {}, more: readonly string[] = []): void {
    this.done(this.emit(type, [...this.node.inputs.map((value) => this.in(value)), ...more], attributes));
  }

  /** The parameters as they are in the shared layout. */
  layoutParams(): Record<string, ParamValue | Value> {
    return this.perm ? { ...this.params, ...(this.node.op.permute!(this.params, this.perm) as object) } : this.params;
  }

  /** (out, kh, kw, in/groups) -> (in, out/groups, kh, kw), the weight of a grouped ConvTranspose. */
  groupedTransposeWeight(value: Value, groups: number): string {
    const w = this.constant(value);
    const [out, kh, kw, per] = w.shape;
    const turned = scope(() => {
      const parts = reshape(w, { shape: [groups, out / groups, kh, kw, per] });
      return reshape(transpose(parts, { perm: [0, 4, 1, 2, 3] }), { shape: [groups * per, out / groups, kh, kw] });
    });
    return this.file.initializer(value.name, turned);
  }

  private sharedPerm(): Perm | undefined {
    const { op, inputs, params } = this.node;
    if (!op.permute || Object.values(params).some(isValue)) return undefined;
    const sharing = op.any || op.broadcasts ? inputs : inputs.slice(0, 1);
    const perm = sharing
      .map((value) => (this.file.isWeight(value) ? undefined : this.file.layouts.get(value).perm))
      .find((p) => p !== undefined);
    if (!perm || op.permute(this.params, perm) === undefined) return undefined;
    const fits = (value: Value) => {
      const shape = this.type(value)?.shape;
      return (
        shape !== undefined &&
        (shape.length === perm.length || sizeOf(shape) === 1 || (shape.length < perm.length && this.file.graph.constants.has(value)))
      );
    };
    return sharing.every(fits) ? perm : undefined;
  }

  // An operand of smaller rank is a constant here: it gets leading dimensions of 1.
  private operand(value: Value, perm: Perm | undefined): string {
    const shape = this.type(value)?.shape;
    if (!perm || !shape || sizeOf(shape) === 1) return this.in(value);
    if (shape.length === perm.length) return this.in(value, perm);
    const tensor = this.constant(value);
    const lifted = scope(() => transpose(reshape(tensor, { shape: [...Array(perm.length - shape.length).fill(1), ...shape] }), { perm }));
    return this.file.initializer(value.name, lifted);
  }
}
