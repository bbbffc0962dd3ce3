/** What an operator's import sees of its ONNX node: typed attributes, inputs as graph values, and a way to add ops. */
import { fail } from '../error.js';
import type { Folder } from '../graph/fold.js';
import type { NodeParams, Value } from '../graph/graph.js';
import { compose, type Perm } from '../graph/layout.js';
import type { AnyOp } from '../op.js';
import { cast, concat, dequantize, fill, reshape, shape as shapeOp, slice, transpose } from '../ops/index.js';
import { axisIndex, type Dtype, isInteger, isKnown, type Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { type AttributeProto, AttributeType, type GraphProto, type NodeProto } from './schema.js';
import { tensorFromProto } from './tensors.js';

const text = new TextDecoder();

/** What a node's import may ask about its file. */
export interface ImportedFile {
  /** The folder that external data is in. */
  folder?: string;
  /** `DataType` of inputs and constants by name: our element types do not tell 4 bits from 8. */
  dataTypes: ReadonlyMap<string, number>;
}

export class ImportNode {
  readonly #attributes: Map<string, AttributeProto>;

  /**
   * @param values what each tensor name of the file is in the graph
   * @param opset version of the operator's domain
   * @param folder the graph under construction
   */
  constructor(
    readonly proto: NodeProto,
    readonly values: ReadonlyMap<string, Value>,
    readonly opset: number,
    readonly folder: Folder,
    readonly file: ImportedFile,
  ) {
    this.#attributes = new Map(proto.attribute.map((attribute) => [attribute.name, attribute]));
  }

  /** The same place in the graph with another node, reading other values. */
  with(proto: NodeProto, values: ReadonlyMap<string, Value>): ImportNode {
    return new ImportNode(proto, values, this.opset, this.folder, this.file);
  }

  get type(): string {
    return this.proto.opType;
  }
  get name(): string {
    return this.proto.name || this.proto.output.find((output) => output) || this.type;
  }
  /** How many inputs are written, empty ones at the end left out. */
  get inputCount(): number {
    return this.proto.input.findLastIndex((name) => name !== '') + 1;
  }

  /** Stops the import: this node cannot be used, and why. */
  refuse(reason: string): never {
    return fail({ code: 'unsupported', where: 'onnx', items: [{ name: this.name, op: this.type, reason }] });
  }

  // ---- attributes ------------------------------------------------------------------------------------------------------------------

  has(name: string): boolean {
    return this.#attributes.has(name);
  }
  int(name: string, otherwise: number): number {
    const attribute = this.attribute(name, AttributeType.INT);
    return attribute ? Number(attribute.i) : otherwise;
  }
  flag(name: string, otherwise = false): boolean {
    return this.int(name, otherwise ? 1 : 0) !== 0;
  }
  float(name: string, otherwise: number): number {
    return this.attribute(name, AttributeType.FLOAT)?.f ?? otherwise;
  }
  string(name: string, otherwise: string): string {
    const attribute = this.attribute(name, AttributeType.STRING);
    return attribute ? text.decode(attribute.s) : otherwise;
  }
  ints(name: string): number[] | undefined {
    return this.attribute(name, AttributeType.INTS)?.ints.map(Number);
  }
  floats(name: string): number[] | undefined {
    const attribute = this.attribute(name, AttributeType.FLOATS);
    return attribute && [...attribute.floats];
  }
  tensor(name: string): Tensor | undefined {
    const attribute = this.attribute(name, AttributeType.TENSOR);
    if (!attribute?.t) return undefined;
    const { data, shape, dtype } = tensorFromProto(attribute.t, this.file.folder);
    return Tensor.from(data, shape, dtype);
  }

  /** The graph of an attribute: a branch. */
  graph(name: string): GraphProto {
    return this.attribute(name, AttributeType.GRAPH)?.g ?? this.refuse(`its ${name} is missing`);
  }

  private attribute(name: string, type: number): AttributeProto | undefined {
    const attribute = this.#attributes.get(name);
    if (!attribute) return undefined;
    // Files older than IR version 2 leave the type out.
    if (attribute.type !== type && attribute.type !== AttributeType.UNDEFINED) this.refuse(`attribute "${name}" has the wrong type`);
    return attribute;
  }

  // ---- inputs ----------------------------------------------------------------------------------------------------------------------

  /** An input that may be left out. */
  optional(index: number): Value | undefined {
    const name = this.proto.input[index];
    if (!name) return undefined;
    return this.values.get(name) ?? this.refuse(`input "${name}" is not defined before this node`);
  }
  input(index: number): Value {
    return this.optional(index) ?? this.refuse(`input ${index} is missing`);
  }
  /** All inputs of a variadic operator, one at least. */
  inputs(): [Value, ...Value[]] {
    return [this.input(0), ...Array.from({ length: this.inputCount - 1 }, (_, i) => this.input(i + 1))];
  }
  /** Is this output read by somebody (or a graph output)? Decided by its having a name. */
  wants(output: number): boolean {
    return Boolean(this.proto.output[output]);
  }

  /** The tensor of a constant value. */
  constantOf(value: Value): Tensor | undefined {
    return this.folder.graph.constantOf(value);
  }
  /** The numbers of an input that has to be known before the run. */
  numbers(index: number, what: string): number[] | undefined {
    const value = this.optional(index);
    if (!value) return undefined;
    return this.known(value) ?? this.refuse(`${what} is computed while the model runs; it has to be constant`);
  }
  /** The numbers of a value where they are known before the run. */
  known(value: Value): number[] | undefined {
    const known = this.constantOf(value)?.toNumbers() ?? this.folder.types.known(value);
    return known && !known.some(Number.isNaN) ? [...known] : undefined;
  }
  /** The numbers of a list that is not empty; those that depend on free dimensions are NaN. */
  partlyKnown(index: number, what: string): readonly number[] | undefined {
    const value = this.optional(index);
    if (!value) return undefined;
    const list = this.constantOf(value)?.toNumbers() ?? this.folder.types.known(value);
    if (!list) this.refuse(`${what} is computed while the model runs; it has to be constant`);
    return list.length ? list : undefined;
  }
  /** The numbers of an input that has to be there as well. */
  requiredNumbers(index: number, what: string): number[] {
    return this.numbers(index, what) ?? this.refuse(`${what} are missing`);
  }
  /** A list that was an attribute before the given opset and is an input since. */
  listSince(opset: number, attribute: string, index: number): number[] | undefined {
    return this.opset >= opset ? this.numbers(index, attribute) : this.ints(attribute);
  }

  /** The `DataType` of an input, where the file says it: inputs of the model and constants. */
  dataType(index: number): number | undefined {
    return this.file.dataTypes.get(this.proto.input[index]);
  }
  shape(value: Value): Shape | undefined {
    return this.folder.type(value)?.shape;
  }
  dtype(value: Value): Dtype {
    return this.folder.type(value)?.dtype ?? this.refuse(`the element type of "${value.name}" cannot be known before the run`);
  }
  rank(value: Value): number {
    return this.shape(value)?.length ?? this.refuse(`the rank of "${value.name}" cannot be known before the run`);
  }
  /** The shape, all of it known. */
  knownShape(value: Value, what: string): Shape {
    const shape = this.shape(value);
    return shape && isKnown(shape) ? shape : this.refuse(`${what} needs an input whose size is known; fix the free dimensions first`);
  }
  /** The shape of an image or sequence; only the batch dimension may be unknown. */
  knownChannels(value: Value): Shape {
    const shape = this.shape(value);
    return shape && shape.length >= 3 && isKnown(shape.slice(1))
      ? shape
      : this.refuse('it needs an image whose size is known; fix the free dimensions first');
  }
  /** An axis attribute as an index. */
  axis(axis: number, rank: number): number {
    return axisIndex(axis, rank) ?? this.refuse(`axis ${axis} is out of range for ${rank} dimensions`);
  }

  // ---- building --------------------------------------------------------------------------------------------------------------------

  add(op: AnyOp, inputs: readonly Value[], params: NodeParams = {}): Value {
    return this.folder.add(op, inputs, params, this.name);
  }
  constant(data: readonly number[], shape: Shape, dtype: Dtype): Value {
    const wrong = isInteger(dtype) ? data.find((value) => !Number.isInteger(value)) : undefined;
    if (wrong !== undefined) this.refuse(`it needs the number ${wrong}, which is no ${dtype}`);
    return this.folder.constant(Tensor.from(data, shape, dtype), `${this.name}.constant`);
  }
  scalar(value: number, dtype: Dtype = 'float32'): Value {
    return this.constant([value], [], dtype);
  }
  /** Zeros of any type; so many that they are worth it are made when the model runs. */
  zeros(shape: Shape, dtype: Dtype = 'float32'): Value {
    if (!isKnown(shape)) this.refuse(`the size of a ${dtype} input that is left out cannot be known before the run`);
    return this.add(fill, [], { shape, dtype });
  }

  /** The value in another element type. */
  cast(value: Value, dtype: Dtype): Value {
    return this.dtype(value) === dtype ? value : this.add(cast, [value], { dtype });
  }

  /** transpose(value, perm); of dequantized constants the codes are turned, so that they stay packed. */
  transposed(value: Value, perm: Perm): Value {
    const node = value.producer;
    if (node?.op === dequantize && this.constantOf(node.inputs[0])) {
      const [codes, scale, zeroPoint] = node.inputs;
      const params = dequantize.permute!({ axis: Number(node.params.axis ?? dequantize.params.axis) }, perm)!;
      return this.folder.add(dequantize, [this.transposed(codes, perm), scale, zeroPoint], params, value.name);
    }
    if (node && node.op === transpose) return this.transposed(node.inputs[0], compose(node.params.perm as Perm, perm));
    return this.folder.add(transpose, [value], { perm }, value.name);
  }

  /** reshape to dimensions that are numbers or those of another value, read when the model runs if need be; a reshape back is none. */
  reshaped(value: Value, dims: readonly (number | { of: Value; axis: number })[]): Value {
    const before = value.producer?.op === reshape ? value.producer.inputs[0] : undefined;
    if (before && this.shape(before)?.join() === dims.join()) return before;
    const sizes = dims.map((dim) => (typeof dim === 'number' ? dim : (this.shape(dim.of)?.[dim.axis] ?? Number.NaN)));
    const unknown = sizes.filter(Number.isNaN).length;
    if (unknown === 0 || (unknown === 1 && !sizes.includes(-1) && !sizes.includes(0))) {
      return this.add(reshape, [value], {
        shape: sizes.map((n) => (Number.isNaN(n) ? -1 : n)),
        allowZero: !sizes.includes(-1) && unknown === 0,
      });
    }
    const parts = dims.map((dim) =>
      typeof dim === 'number'
        ? this.constant([dim], [1], 'int64')
        : this.add(slice, [this.add(shapeOp, [dim.of])], { starts: [dim.axis], ends: [dim.axis + 1], axes: [0] }),
    );
    return this.add(reshape, [value], { shape: this.folder.add(concat, parts, { axis: 0 }, this.name), allowZero: !dims.includes(-1) });
  }
}
