/** How the codes of weights lie in a file: 8 bits each, 4 where they fit, or packed as the graph has them. */
import { type Node, Uses, type Value } from '../graph/graph.js';
import { type GroupedWeight, groupedOf, readerOf } from '../graph/match.js';
import { runOp } from '../op.js';
import { dequantize, unpackLevels } from '../ops/index.js';
import { sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { FileGraph } from './fileGraph.js';
import { DataType } from './schema.js';
import { bitsOf, dataTypeName, dataTypeOf, narrowRange } from './tensors.js';

/**
 * 'int8' and 'int4' (where the codes fit, from opset 21) are a constant behind DequantizeLinear, 'packed' is our own operator
 * lowbit.UnpackLevels (docs/onnx.md) before it, which this package alone reads.
 */
export type WeightStorage = 'int8' | 'int4' | 'packed';

export const weightStorages: readonly WeightStorage[] = ['int8', 'int4', 'packed'];

/** The first opset with 4-bit integers. */
export const int4Opset = 21;

/** A weight that was written as codes. */
export interface ExportedWeight {
  /** The node that reads it. */
  layer: string;
  /** How its codes lie in the file. */
  type: 'int8' | 'uint8' | 'int4' | 'uint4' | 'packed';
  /** Bits a code takes in the file. */
  bits: number;
  elements: number;
  /** Bytes of the codes in the file. */
  bytes: number;
  /** Why it is not what was asked for. */
  reason?: string;
}

/** The weights of the graph that is being written. */
export class Weights {
  readonly #levels = new Map<Value, Tensor>();

  constructor(
    readonly file: FileGraph,
    readonly storage: WeightStorage | undefined,
  ) {}

  /** Is this a constant, or codes that are constant behind a dequantize? Codes that stay packed are nodes like others. */
  has(value: Value): boolean {
    const { producer } = value;
    return this.isCodes(value) || (producer?.op === dequantize && this.isCodes(producer.inputs[0])) || Boolean(this.grouped(value));
  }

  /** The codes of a weight with scales for groups of inputs. */
  grouped(value: Value): GroupedWeight | undefined {
    return groupedOf(this.file.graph, value);
  }

  private isCodes(value: Value): boolean {
    const packed = this.storage === 'packed' ? undefined : packedOf(value);
    return this.file.graph.constants.has(packed ?? value);
  }

  /** The numbers of a constant, unpacked where it is packed; undefined for what is neither. */
  codes(value: Value): Tensor | undefined {
    const known = this.file.graph.constantOf(value) ?? this.#levels.get(value);
    if (known || !this.isCodes(value)) return known;
    const { op, inputs, params } = value.producer!;
    const levels = runOp(op, [this.file.graph.constantOf(inputs[0])!], params);
    this.#levels.set(value, levels);
    return levels;
  }

  /** The 4-bit type for the codes and the zero point of a dequantize node, or why they are 8 bits; nothing where those are asked for. */
  narrow(node: Node): number | string | undefined {
    const wanted =
      this.storage === 'int4' || (this.storage !== 'int8' && this.file.opset >= int4Opset && node.inputs[0].bits !== undefined);
    const [codes, , zeroPoint] = node.inputs.map((value) => this.codes(value));
    const type = codes && narrowed[codes.dtype];
    if (!wanted || !type) return undefined;
    const [low, high] = narrowRange(type)!;
    const { least, most } = rangeOf(codes, ...(zeroPoint ? [zeroPoint] : []));
    if (zeroPoint && least >= low && most <= high) return type;
    return zeroPoint ? `its codes are ${least} to ${most}, ${nameOf(type)} holds ${low} to ${high}` : 'its zero point is not constant';
  }

  /** What became of every weight that is codes of 8 bits or less, in the order of the graph. */
  report(): ExportedWeight[] {
    const uses = new Uses(this.file.graph);
    return this.file.graph.nodes.flatMap((node) => {
      const entry = node.op === dequantize ? this.entry(node) : undefined;
      return entry ? [{ layer: readerOf(this.file.graph, uses, node.output)?.name ?? node.output.name, ...entry }] : [];
    });
  }

  private entry(node: Node): Omit<ExportedWeight, 'layer'> | undefined {
    const [value] = node.inputs;
    const packed = packedOf(value);
    if (packed && !this.isCodes(value)) {
      const elements = sizeOf(this.file.types.get(value)!.shape);
      return { type: 'packed', bits: Number(value.producer!.params.bits), elements, bytes: sizeOf(this.file.types.get(packed)!.shape) };
    }
    const codes = this.codes(value);
    if (!codes || !narrowed[codes.dtype]) return undefined;
    const narrow = this.narrow(node);
    const dataType = typeof narrow === 'number' ? narrow : dataTypeOf(codes.dtype);
    const bits = bitsOf(dataType) ?? 8;
    const reason = typeof narrow === 'string' ? narrow : this.storage === 'packed' ? 'its codes are not packed in the graph' : undefined;
    const type = nameOf(dataType) as ExportedWeight['type'];
    return { type, bits, elements: codes.size, bytes: Math.ceil((codes.size * bits) / 8), ...(reason && { reason }) };
  }
}

const narrowed: Partial<Record<string, number>> = { int8: DataType.INT4, uint8: DataType.UINT4 };

const nameOf = (dataType: number) => dataTypeName(dataType).toLowerCase();

/** The packed codes behind levels. */
const packedOf = ({ producer }: Value): Value | undefined => (producer?.op === unpackLevels ? producer.inputs[0] : undefined);

function rangeOf(...tensors: readonly Tensor[]): { least: number; most: number } {
  let [least, most] = [0, 0];
  for (const tensor of tensors) {
    for (const code of tensor.data() as Int8Array | Uint8Array) {
      least = Math.min(least, code);
      most = Math.max(most, code);
    }
  }
  return { least, most };
}
