/** Adding a node that is computed on the spot where all it needs is constant. */
import { type AnyOp, completeParams, inferType, type ParamValue, runOp } from '../op.js';
import { reshape } from '../ops/index.js';
import { bytesPerElement, sizeOf, type TensorType } from '../shape.js';
import { scope, Tensor } from '../tensor.js';
import { type Graph, isValue, type NodeParams, type Value } from './graph.js';
import { Types } from './types.js';

// A folded constant may be this much larger than what it is made of: expanding one number to a gigabyte is left to the run.
const freeBytes = 1 << 20;
const growth = 4;

/** Builds a graph from its inputs on, knowing types and constants as it goes. */
export class Folder {
  readonly types: Types;

  constructor(readonly graph: Graph) {
    this.types = new Types(graph);
  }

  /** The type of a value, where it can be known. */
  type(value: Value): TensorType | undefined {
    this.see(value);
    return this.types.get(value);
  }

  /** Adds a constant. */
  constant(tensor: Tensor, name?: string, bits?: number): Value {
    const value = this.graph.constant(tensor, name, bits);
    this.types.setConstant(value, tensor);
    return value;
  }

  /** `graph.add`, or the constant that the node would make. Throws the op's fault where the types cannot fit. */
  add(op: AnyOp, inputs: readonly Value[], params: NodeParams = {}, name: string = op.name): Value {
    for (const value of [...inputs, ...Object.values(params).filter(isValue)]) this.see(value);
    const settled = this.settle(op, params);
    const constant = this.constantResult(op, inputs, settled);
    if (constant) return this.constant(constant, name, op.movesElements ? inputs[0].bits : undefined);
    const output = this.graph.add(op, inputs, settled, name);
    this.types.visit(output.producer!);
    const known = this.types.known(output);
    const type = this.types.get(output);
    if (!known || !type || known.some(Number.isNaN)) return output;
    this.graph.nodes.pop();
    return this.constant(Tensor.from(known, type.shape, type.dtype), name);
  }

  // A constant that came into the graph by another door.
  private see(value: Value): void {
    const tensor = this.graph.constantOf(value);
    if (tensor && !this.types.get(value)) this.types.setConstant(value, tensor);
  }

  // Parameters that are values become numbers where those are known; the one unknown dimension of a reshape becomes -1.
  private settle(op: AnyOp, params: NodeParams): NodeParams {
    const settled: NodeParams = {};
    for (const [name, param] of Object.entries(params)) settled[name] = isValue(param) ? (this.settled(op, param) ?? param) : param;
    return settled;
  }

  private settled(op: AnyOp, value: Value): ParamValue | undefined {
    const known = this.types.known(value) ?? this.floats(value);
    if (!known) return undefined;
    if (this.types.rank(value) === 0) return Number.isNaN(known[0]) && this.types.known(value) ? undefined : known[0];
    const unknown = known.filter(Number.isNaN).length;
    if (unknown === 0) return known;
    return op === reshape && unknown === 1 && !known.includes(-1) && !known.includes(0)
      ? known.map((n) => (Number.isNaN(n) ? -1 : n))
      : undefined;
  }

  // Scalars and short lists of any number type (the min and max of a clip).
  private floats(value: Value): readonly number[] | undefined {
    const tensor = this.graph.constantOf(value);
    return tensor && tensor.size <= 64 ? tensor.toNumbers() : undefined;
  }

  private constantResult(op: AnyOp, inputs: readonly Value[], params: NodeParams): Tensor | undefined {
    if (op.neverFolds || Object.values(params).some(isValue)) return undefined;
    const tensors = inputs.map((value) => this.graph.constantOf(value));
    if (!tensors.every((tensor) => tensor !== undefined)) return undefined;
    const type = inferType(op, tensors, completeParams(op, params));
    const made = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
    if (bytes(type) > Math.max(freeBytes, growth * made)) return undefined;
    return scope(() => runOp(op, tensors, params));
  }
}

const bytes = (type: TensorType) => sizeOf(type.shape) * bytesPerElement(type.dtype);
