/** Two runs of a graph, byte for byte. */
import type { TensorData } from '../tensor.js';

export interface Difference {
  /** The value of the graph. */
  value: string;
  /** Index into its elements, and what was found there. */
  index: number;
  expected: number;
  came: number;
}

/** Where the bytes of two arrays of one type and length first differ. */
export function firstDifference(value: string, expected: TensorData, came: TensorData): Difference | undefined {
  const [a, b] = [bytes(expected), bytes(came)];
  if (Buffer.compare(a, b) === 0) return undefined;
  const index = Math.floor(a.findIndex((byte, i) => byte !== b[i]) / expected.BYTES_PER_ELEMENT);
  return { value, index, expected: Number(expected[index]), came: Number(came[index]) };
}

const bytes = (data: TensorData) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
