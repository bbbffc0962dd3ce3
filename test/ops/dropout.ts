import { type Dtype, Tensor } from 'lowbit';
import { type Case, raggedSizes, random } from './case.js';

const low32 = (x: bigint) => x & 0xffffffffn;

/** Philox4x32-10 in whole numbers, as its authors write it (Random123). */
function philox(key: readonly bigint[], counter: readonly bigint[]): bigint[] {
  let [k0, k1] = key;
  let c = [...counter];
  for (let round = 0; round < 10; round++) {
    const a = 0xd2511f53n * c[0];
    const b = 0xcd9e8d57n * c[2];
    c = [(b >> 32n) ^ c[1] ^ k0, low32(b), (a >> 32n) ^ c[3] ^ k1, low32(a)];
    k0 = low32(k0 + 0x9e3779b9n);
    k1 = low32(k1 + 0xbb67ae85n);
  }
  return c;
}

interface Training {
  n: number;
  rate?: number;
  stream?: number;
  state?: readonly [number, number, number];
  dtype?: Dtype;
  stateType?: 'int32' | 'uint32';
}

function training({ n, rate = 0.3, stream = 5, state = [0xdeadbeef, 7, 42], dtype = 'float32', stateType = 'uint32' }: Training): Case {
  const words = stateType === 'int32' ? state.map((word) => word | 0) : state;
  const [seedLow, seedHigh, step] = state.map(BigInt);
  const least = BigInt(Math.floor(rate * 2 ** 32));
  const factor = dtype === 'float64' ? 1 / (1 - rate) : Math.fround(1 / (1 - rate));
  return {
    note: `${dtype} ${n} rate ${rate} stream ${stream} ${stateType}`,
    inputs: () => [random([n], -2, 2, 1, dtype), Tensor.from(words, [3], stateType)],
    params: { rate, stream },
    expect: ([x]) =>
      x.map((v, i) => {
        const word = philox([seedLow, seedHigh], [BigInt(i >> 2), 0n, step, BigInt(stream)])[i & 3];
        return word >= least ? v * factor : 0;
      }),
    // One rounding to the type, of a number up to 4.
    bound: dtype === 'float64' ? 0 : dtype === 'float32' ? 2 ** -24 : dtype === 'float16' ? 2 ** -11 * 1.001 : 2 ** -8 * 1.001,
  };
}

export const dropoutCases: Record<string, Case[]> = {
  dropout: [
    ...(['float32', 'float64', 'float16', 'int8', 'int64'] as const).map((dtype) => ({
      note: dtype,
      inputs: () => [Tensor.from([1, -2, 3, 0, 5, 6], [2, 3], dtype)],
      expect: [1, -2, 3, 0, 5, 6],
    })),
    { note: 'empty', inputs: () => [random([0, 3])], params: { rate: 0 }, expect: [] },
  ],
  dropoutTraining: [
    ...raggedSizes.map((n) => training({ n })),
    training({ n: 13000 }),
    training({ n: 0 }),
    training({ n: 50, rate: 0 }),
    training({ n: 200, rate: 0.99 }),
    training({ n: 100, stream: 2 ** 32 - 1, state: [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], stateType: 'int32' }),
    training({ n: 70, dtype: 'float64' }),
    training({ n: 70, dtype: 'float16' }),
    training({ n: 70, dtype: 'bfloat16' }),
    {
      note: 'NaN and infinity where they are dropped',
      inputs: () => [Tensor.from(Array(64).fill(NaN)), Tensor.from([1, 2, 3], [3], 'int32')],
      params: { rate: 1 - 2 ** -32, stream: 0 },
      expect: Array(64).fill(0),
    },
  ],
};
