/** When an answer counts as right: the tolerances of the ONNX project's own test runner. */
import type { Tensor } from 'lowbit';

const relative = 1e-3;
const absolute = 1e-7;

/** What is wrong with a tensor, if anything: type and shape have to be equal, integers too, floats nearly so. */
export function difference(got: Tensor, want: Tensor): string | undefined {
  if (got.dtype !== want.dtype) return `it is ${got.dtype}, expected ${want.dtype}`;
  if (got.shape.join() !== want.shape.join()) return `its shape is [${got.shape}], expected [${want.shape}]`;
  const [came, expected] = [elements(got), elements(want)];
  const near = /float/.test(got.dtype) ? isClose : Object.is;
  const wrong = [...expected.keys()].filter((i) => !near(came[i], expected[i]));
  if (!wrong.length) return undefined;
  return `${wrong.length} of ${expected.length} elements differ, element ${wrong[0]} is ${came[wrong[0]]}, expected ${expected[wrong[0]]}`;
}

// 64-bit integers as they are, so that no digit is lost.
function elements(tensor: Tensor): (number | bigint)[] {
  const data = tensor.data();
  return data instanceof BigInt64Array || data instanceof BigUint64Array ? [...data] : tensor.toNumbers();
}

function isClose(came: number | bigint, expected: number | bigint): boolean {
  const [got, want] = [Number(came), Number(expected)];
  return Object.is(got, want) || got === want || Math.abs(got - want) <= absolute + relative * Math.abs(want);
}
