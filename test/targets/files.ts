/** ONNX files for targets: one layer with codes around it, or one operator. */
import { AttributeType, DataType, type ModelProto, type OnnxModel, onnxMessage, type TensorProto, tensorToProto } from 'lowbit';

type Codes = 'int8' | 'uint8';

const port = (name: string, elemType: number, dims?: readonly number[]) => ({
  name,
  type: {
    value: {
      case: 'tensorType' as const,
      value: {
        elemType,
        ...(dims && { shape: { dim: dims.map((n) => ({ value: { case: 'dimValue' as const, value: BigInt(n) } })) } }),
      },
    },
  },
});

export type AttributeOf = number | string | readonly number[];

export function attribute(name: string, value: AttributeOf) {
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) };
  return { name, type: AttributeType.INTS, ints: value.map(BigInt) };
}

export interface Step {
  op: string;
  domain?: string;
  inputs: readonly string[];
  output: string;
  attributes?: Readonly<Record<string, AttributeOf>>;
}

export interface FileParts {
  steps: readonly Step[];
  constants?: readonly TensorProto[];
  inputs?: Readonly<Record<string, number | { type: number; dims: readonly number[] }>>;
  outputs?: readonly string[];
  opset?: number;
}

/** A file of these steps; further domains are named with version 1. */
export function fileOf({ steps, constants = [], inputs = {}, outputs, opset = 17 }: FileParts): OnnxModel {
  const domains = new Set(steps.flatMap(({ domain }) => (domain ? [domain] : [])));
  const proto: ModelProto = onnxMessage('ModelProto', {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: BigInt(opset) }, ...[...domains].map((domain) => ({ domain, version: 1n }))],
    graph: {
      name: 'file',
      node: steps.map(({ op, domain, inputs: input, output, attributes = {} }) => ({
        ...{ opType: op, name: output, input: [...input], output: [output], ...(domain && { domain }) },
        attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      })),
      initializer: [...constants],
      input: Object.entries(inputs).map(([name, said]) => (typeof said === 'number' ? port(name, said) : port(name, said.type, said.dims))),
      output: (outputs ?? [steps.at(-1)!.output]).map((name) => ({ name })),
    },
  });
  return { proto };
}

export const one = (name: string, value: number, dtype: 'float32' | Codes): TensorProto =>
  tensorToProto(name, dtype, [], { float32: Float32Array, int8: Int8Array, uint8: Uint8Array }[dtype].of(value) as Float32Array);

export interface CodedLayer {
  op?: 'Conv' | 'Gemm' | 'MatMul';
  /** Codes of the weight, as many for each of the two output channels. */
  weights: readonly number[];
  /** How the file has them; default int8. */
  weightType?: 'int8' | 'uint8' | 'int4';
  /** Default 128 for uint8, else 0; null leaves it out. */
  weightZero?: number | null;
  activations?: Codes;
  /** Write codes behind the layer, default true. */
  coded?: boolean;
  opset?: number;
}

/** x of K numbers → codes → layer of two output channels with the same weights → codes → y; all scales are powers of two. */
export function codedLayer(layer: CodedLayer): OnnxModel {
  const { op = 'Gemm', weights, weightType = 'int8', activations = 'uint8', coded = true, opset = 17 } = layer;
  const zero = layer.weightZero === undefined ? (weightType === 'uint8' ? 128 : 0) : layer.weightZero;
  const k = weights.length;
  const shape = { Conv: [2, k, 1, 1], Gemm: [2, k], MatMul: [k, 2] }[op];
  const codes = op === 'MatMul' ? weights.flatMap((w) => [w, w]) : [...weights, ...weights];
  const middle = activations === 'int8' ? -128 : 0;
  const held = weightType === 'uint8' ? 'uint8' : 'int8';
  const dataType = { int4: DataType.INT4, int8: DataType.INT8, uint8: DataType.UINT8 }[weightType];
  const weight = tensorToProto('w', held, shape, { int8: Int8Array, uint8: Uint8Array }[held].from(codes) as Int8Array, dataType);
  const weightZero =
    zero === null ? [] : [tensorToProto('w.zero', held, [], { int8: Int8Array, uint8: Uint8Array }[held].of(zero) as Int8Array, dataType)];
  return fileOf({
    opset,
    inputs: { x: { type: DataType.FLOAT, dims: op === 'Conv' ? [1, k, 1, 1] : [1, k] } },
    constants: [
      ...[one('x.scale', 1, 'float32'), one('x.zero', middle, activations), weight, one('w.scale', 2 ** -7, 'float32'), ...weightZero],
      ...[one('y.scale', k, 'float32'), one('y.zero', activations === 'int8' ? 0 : 128, activations)],
    ],
    steps: [
      { op: 'QuantizeLinear', inputs: ['x', 'x.scale', 'x.zero'], output: 'x.codes' },
      { op: 'DequantizeLinear', inputs: ['x.codes', 'x.scale', 'x.zero'], output: 'x.real' },
      { op: 'DequantizeLinear', inputs: ['w', 'w.scale', ...(zero === null ? [] : ['w.zero'])], output: 'w.real' },
      { op, inputs: ['x.real', 'w.real'], output: 'layer', attributes: op === 'Gemm' ? { transB: 1 } : {} },
      ...(coded
        ? [
            { op: 'QuantizeLinear', inputs: ['layer', 'y.scale', 'y.zero'], output: 'y.codes' },
            { op: 'DequantizeLinear', inputs: ['y.codes', 'y.scale', 'y.zero'], output: 'y' },
          ]
        : [{ op: 'Identity', inputs: ['layer'], output: 'y' }]),
    ],
  });
}
