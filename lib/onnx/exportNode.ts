/** What an operator's export sees of a node of the graph: its inputs as names of the file, in the layout it asks for. */
import { fail } from '../error.js';
import { isValue, type Node, type Value } from '../graph/graph.js';
import type { Perm } from '../graph/layout.js';
import type { ParamValue } from '../op.js';
import { reshape, transpose } from '../ops/index.js';
import { bytesPerElement, type Dtype, integerRange, isInteger, type Shape, sizeOf, type TensorType } from '../shape.js';
import { scope, Tensor } from '../tensor.js';
import type { Attributes, FileGraph } from './fileGraph.js';
import { opsetFor } from './opsets.js';

/** The end of a slice may be infinite, or 2^63 after rounding: the largest integer that fits means the same. */
export const withinInt64 = (n: number) => Math.min(Math.max(n, -(2 ** 63)), 2 ** 63 - 1024);

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
    const [out, kh, kw, per] = this.type(value)?.shape ?? this.refuse(`the size of "${value.name}" is not known`);
    const [apart, perm, together] = [
      [groups, out / groups, kh, kw, per],
      [0, 4, 1, 2, 3],
      [groups * per, out / groups, kh, kw],
    ];
    const w = this.file.graph.constantOf(value);
    if (w) {
      const turned = scope(() => reshape(transpose(reshape(w, { shape: apart }), { perm }), { shape: together }));
      return this.file.initializer(value.name, turned);
    }
    // Codes of a scale each channel: no axis of the turned weight has those, so that it is turned when the model runs.
    const made = (type: string, inputs: readonly string[], attributes?: Attributes) => this.file.emit(type, value.name, inputs, attributes);
    const parts = made('Transpose', [made('Reshape', [this.in(value), this.ints(apart)])], { perm: { ints: perm } });
    return made('Reshape', [parts, this.ints(together)]);
  }

  private sharedPerm(): Perm | undefined {
    const { op, inputs, params } = this.node;
    if (!op.permute || Object.values(params).some(isValue)) return undefined;
    const sharing = op.any || op.broadcasts ? inputs : inputs.slice(0, 1);
    const perm = sharing
      .map((value) => (this.file.weights.has(value) ? undefined : this.file.layouts.get(value).perm))
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
