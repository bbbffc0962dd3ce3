import { DataType, type ModelProto, onnxMessage, type TensorProto, tensorToProto } from 'lowbit';

/** y = x · w + b over `size` weights. */
export function linear(size = 4): ModelProto {
  const type = (dims: (bigint | string)[]) => ({
    value: {
      case: 'tensorType' as const,
      value: {
        elemType: DataType.FLOAT,
        shape: {
          dim: dims.map((n) =>
            typeof n === 'string' ? { value: { case: 'dimParam' as const, value: n } } : { value: { case: 'dimValue' as const, value: n } },
          ),
        },
      },
    },
  });
  return onnxMessage('ModelProto', {
    irVersion: 8n,
    producerName: 'a test',
    opsetImport: [{ domain: '', version: 13n }],
    graph: {
      name: 'linear',
      node: [{ name: 'product', opType: 'Gemm', input: ['x', 'w', 'b'], output: ['y'], attribute: [{ name: 'alpha', f: 1, type: 1 }] }],
      initializer: [weights('w', size), weights('b', 1)],
      input: [{ name: 'x', type: type(['N', BigInt(size)]) }],
      output: [{ name: 'y', type: type(['N', 1n]) }],
    },
  });
}

const weights = (name: string, size: number): TensorProto =>
  tensorToProto(
    name,
    'float32',
    [size, 1],
    Float32Array.from({ length: size }, (_, i) => i + 0.5),
  );
