/** The file under construction: nodes, initializers, names, and how each value lies in it. */
import { fail } from '../error.js';
import type { Graph, Value } from '../graph/graph.js';
import { isIdentity, Layouts, type Perm } from '../graph/layout.js';
import type { GroupedWeight } from '../graph/match.js';
import type { Types } from '../graph/types.js';
import { dequantize, reshape, transpose } from '../ops/index.js';
import { type Dtype, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { codesOperator, opsetOf } from './opsets.js';
import { type WeightStorage, Weights } from './weights.js';

/** An attribute's value, by the field that holds it. */
export interface AttributeValue {
  i?: number;
  f?: number;
  s?: string;
  ints?: readonly number[];
  t?: { dtype: Dtype; shape: Shape; values: readonly number[] };
}

/** Attributes by name; those that are undefined are left out. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** A node of the file. */
export interface FileNode {
  /** Its operator; `domain.name` outside the default domain. */
  type: string;
  name: string;
  inputs: string[];
  output: string;
  /** Outputs ahead of it that nobody reads. */
  unread: readonly string[];
  attributes: Attributes;
}

/** A constant of the file; its `DataType` where that is not the tensor's own. */
export interface Initializer {
  tensor: Tensor;
  dataType?: number;
}

/** The file under construction. */
export class FileGraph {
  readonly nodes: FileNode[] = [];
  readonly initializers = new Map<string, Initializer>();
  readonly weights: Weights;
  readonly layouts: Layouts<Value, string>;
  readonly #names = new Set<string>();
  readonly #constants = new Map<string, string>();

  constructor(
    readonly graph: Graph,
    readonly types: Types,
    readonly opset: number,
    storage: WeightStorage | undefined,
  ) {
    this.weights = new Weights(this, storage);
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

  initializer(hint: string, tensor: Tensor, dataType?: number): string {
    const name = this.uniqueName(hint);
    this.initializers.set(name, { tensor, dataType });
    return name;
  }

  /**
   * The name under which a value is found stored by `perm`. Constants, and dequantized ones, are written the way they are wanted.
   * @param dataType of a constant, where it is not its tensor's own
   */
  in(value: Value, perm?: Perm, dataType?: number): string {
    if (!this.weights.has(value)) return this.layouts.as(value, perm);
    const order = perm && !isIdentity(perm) ? perm : undefined;
    const key = [value.name, order ?? '', dataType ?? ''].join('\n');
    const known = this.#constants.get(key);
    if (known) return known;
    const name = this.writeWeight(value, order, dataType);
    this.#constants.set(key, name);
    return name;
  }

  private writeWeight(value: Value, perm: Perm | undefined, dataType: number | undefined): string {
    const tensor = this.weights.codes(value);
    if (tensor) return this.initializer(value.name, perm ? transpose(tensor, { perm }) : tensor, dataType);
    const grouped = this.weights.grouped(value);
    if (grouped) return this.writeGrouped(value, grouped, perm);
    const node = value.producer!;
    const [codes, scale, zeroPoint] = node.inputs;
    const rank = this.types.rank(codes)!;
    const axis = Number(node.params.axis ?? dequantize.params.axis);
    const index = axis < 0 ? axis + rank : axis;
    const narrow = this.weights.narrow(node);
    const type = typeof narrow === 'number' ? narrow : undefined;
    const names = [this.in(codes, perm, type), this.in(scale)];
    // The format wants no zero point beside int32 (it is 0).
    if (this.types.get(codes)?.dtype !== 'int32') names.push(this.in(zeroPoint, undefined, type));
    const perChannel = this.types.rank(scale) === 1 && sizeOf(this.types.get(scale)!.shape) > 1;
    if (perChannel && this.opset < 13) {
      const reason = `a scale for each channel needs opset 13, not ${this.opset}`;
      fail({ code: 'unsupported', where: 'onnx export', items: [{ name: value.name, op: dequantize.name, reason }] });
    }
    const operator = codesOperator('DequantizeLinear', this.types.get(codes)?.dtype, this.opset);
    return this.emit(operator, value.name, names, perChannel ? { axis: { i: perm ? perm.indexOf(index) : index } } : {});
  }

  /** Codes (n, k) and scales (n, k / group), blocked along the inputs. */
  private writeGrouped(value: Value, { dequantize: node, shape: [n, k], group }: GroupedWeight, perm: Perm | undefined): string {
    const narrow = this.weights.narrow(node);
    const type = typeof narrow === 'number' ? narrow : undefined;
    const names = node.inputs.map((input, i) => {
      const rows = reshape(this.graph.constantOf(input)!, { shape: [n, i === 0 ? k : k / group] });
      return this.initializer(input.name, perm ? transpose(rows, { perm }) : rows, i === 1 ? undefined : type);
    });
    const axis = perm ? perm.indexOf(1) : 1;
    return this.emit('DequantizeLinear', value.name, names, { axis: { i: axis }, block_size: { i: group } });
  }
}
