/** Models of one node, and running them. */
import {
  type AttributeProto,
  AttributeType,
  DataType,
  encodeModel,
  type Graph,
  importOnnx,
  onnxMessage,
  run,
  scope,
  type Tensor,
  type TensorProto,
  tensorToProto,
  type ValueInfoProto,
} from 'lowbit';

type Attribute = Omit<Partial<AttributeProto>, '$typeName' | '$unknown'>;
export const int = (i: number): Attribute => ({ type: AttributeType.INT, i: BigInt(i) });
export const float = (f: number): Attribute => ({ type: AttributeType.FLOAT, f });
export const ints = (...list: number[]): Attribute => ({ type: AttributeType.INTS, ints: list.map(BigInt) });
export const string = (s: string): Attribute => ({ type: AttributeType.STRING, s: new TextEncoder().encode(s) });
export const tensor = (t: TensorProto): Attribute => ({ type: AttributeType.TENSOR, t });

export interface NodeOptions {
  attributes?: Record<string, Attribute>;
  opset?: number;
  domain?: string;
  /** How many outputs the node names. */
  outputs?: number;
  /** Which inputs are initializers: all but the first unless listed. */
  constants?: readonly number[];
}

const typeNames: Record<string, keyof typeof DataType> = { float32: 'FLOAT', float64: 'DOUBLE', boolean: 'BOOL' };

function valueInfo(name: string, { dtype, shape }: Tensor): ValueInfoProto {
  const elemType = DataType[typeNames[dtype] ?? (dtype.toUpperCase() as keyof typeof DataType)];
  const dim = shape.map((n) => ({ value: { case: 'dimValue' as const, value: BigInt(n) } }));
  return onnxMessage('ValueInfoProto', { name, type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } } });
}

/** A model of one node; an input that is undefined is left out. */
export function nodeModel(type: string, inputs: readonly (Tensor | undefined)[], options: NodeOptions = {}): Uint8Array {
  const { attributes = {}, opset = 13, domain = '', outputs = 1, constants = inputs.map((_, i) => i).slice(1) } = options;
  const named = inputs.flatMap((value, i) => (value ? [{ i, name: `in${i}`, value }] : []));
  const fixed = named.filter(({ i }) => constants.includes(i));
  const free = named.filter(({ i }) => !constants.includes(i));
  const proto = onnxMessage('ModelProto', {
    irVersion: 8n,
    opsetImport: [
      { domain: '', version: BigInt(opset) },
      { domain: 'com.microsoft', version: 1n },
    ],
    graph: {
      name: type,
      node: [
        {
          opType: type,
          domain,
          input: inputs.map((value, i) => (value ? `in${i}` : '')),
          output: Array.from({ length: outputs }, (_, i) => `out${i}`),
          attribute: Object.entries(attributes).map(([name, attribute]) => ({ name, ...attribute })),
        },
      ],
      initializer: fixed.map(({ name, value }) => tensorToProto(name, value.dtype, value.shape, value.data())),
      input: free.map(({ name, value }) => valueInfo(name, value)),
      output: Array.from({ length: outputs }, (_, i) => ({ name: `out${i}` })),
    },
  });
  return encodeModel({ proto });
}

/** Imports a model of one node and runs it on its inputs. */
export function runNode(type: string, inputs: readonly (Tensor | undefined)[], options: NodeOptions = {}): Tensor[] {
  const graph = importOnnx(nodeModel(type, inputs, options));
  return runGraph(graph, inputs);
}

export function runGraph(graph: Graph, inputs: readonly (Tensor | undefined)[]): Tensor[] {
  const given = Object.fromEntries(graph.inputs.map(({ name }) => [name, inputs[Number(name.slice(2))]!]));
  return scope(() => Object.values(run(graph, given)));
}
