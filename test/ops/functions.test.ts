/**
 * The errors of the float32 functions, in units in the last place, against those of float64, which are the C library's. Numbers are taken
 * over all bit patterns at a step that is no power of two. Results in the denormal range count in its steps.
 */
import test from 'ava';
import { type AnyOp, cast, erf, exp, gelu, log, runOp, scope, sigmoid, silu, Tensor, tanh } from 'lowbit';

const step = 4099;

interface Function {
  op: AnyOp;
  bound: number;
  /** Below it results are so small that an exponential inside is denormal. */
  from?: number;
  params?: object;
}

const functions: readonly Function[] = [
  { op: exp, bound: 1 },
  { op: log, bound: 1 },
  { op: tanh, bound: 1.5 },
  { op: erf, bound: 1.5 },
  { op: sigmoid, bound: 3 },
  { op: silu, bound: 4, from: -86 },
  { op: gelu, bound: 6, from: -13 },
  // The argument of the sigmoid is rounded three times: 1.5·|2u| ulp more, and 2u = -5 at -2.
  { op: gelu, bound: 10, from: -2, params: { approximate: 'tanh' } },
];

function samples(from: number): Float32Array {
  const bits = Uint32Array.from({ length: Math.floor(2 ** 32 / step) }, (_, i) => i * step);
  return new Float32Array(bits.buffer).filter((x) => Number.isNaN(x) || x >= from);
}

/** The distance of neighbouring float32 numbers around x. */
function ulp(x: number): number {
  const size = Math.abs(x);
  if (size < 2 ** -126) return 2 ** -149;
  return 2 ** (Math.floor(Math.log2(size)) - 23);
}

for (const { op, bound, from = Number.NEGATIVE_INFINITY, params = {} } of functions) {
  test(`${op.name} ${JSON.stringify(params)} of float32 is within ${bound} ulp`, (t) => {
    const x = samples(from);
    const [got, want] = scope(() => {
      const single = Tensor.from(x);
      const double = runOp(op, [cast(single, { dtype: 'float64' })], params);
      return [runOp(op, [single], params).data() as Float32Array, double.data() as Float64Array];
    });
    let worst = 0;
    let at = 0;
    for (let i = 0; i < x.length; i++) {
      const exact = Math.fround(want[i]);
      if (Object.is(exact, got[i]) || exact === got[i]) continue;
      const error = Math.abs(got[i] - want[i]) / ulp(want[i]);
      if (!(error <= worst)) [worst, at] = [error, x[i]];
    }
    t.true(worst <= bound, `${worst} ulp at ${at}`);
  });
}
