/**
 * Every gradient rule against central differences, in float64 and on the cases of the op: for a random dy and random directions v,
 *   Σ gradient·v  =  (f(x + h·v) − f(x − h·v)) / 2h   with f = Σ y·dy.
 * The difference quotient is off by h²·f'''/6 and by rounding, about 1e-16·|f| / h.
 */
import test from 'ava';
import { allOps, type RecordedCall, record, runOp, scope, Tensor } from 'lowbit';
import { type Case, randomNumbers } from './case.js';
import { cases } from './cases.js';

/** Gradients that are not slopes on purpose, with tests of their own. */
const straightThrough = new Set(['fakeQuantize']);

const step = 1e-5;
const directions = 3;

const isFloat = (tensor: Tensor) => tensor.dtype === 'float32' || tensor.dtype === 'float64';
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const largest = (a: readonly number[]) => a.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** Whether a case says something about gradients: floats of ordinary size only. */
function smooth({ gradient = true }: Case, inputs: readonly Tensor[]): boolean {
  const floats = inputs.filter((x) => x.dtype.startsWith('float') || x.dtype === 'bfloat16');
  return gradient && floats.length > 0 && floats.every((x) => isFloat(x) && largest(x.toNumbers()) < 1e4);
}

for (const [name, list] of Object.entries(cases)) {
  const op = allOps.get(name);
  const rule = op?.grad;
  if (!op || typeof rule !== 'function' || straightThrough.has(name)) continue;
  if (list.every(({ gradient }) => gradient === false)) continue; // it has a test of its own
  test(`${name}: its gradients are the slopes`, (t) => {
    let checked = 0;
    for (const [i, entry] of list.entries()) {
      scope(() => {
        const given = entry.inputs();
        if (!smooth(entry, given)) return;
        const inputs = given.map((x) => (isFloat(x) ? Tensor.from(x.toNumbers(), x.shape, 'float64') : x));
        const call = recorded(() => runOp(op, inputs, entry.params));
        if (call.output.dtype !== 'float64') return;
        const weights = randomNumbers(call.output.size, -1, 1, 77);
        const dy = Tensor.from(weights, call.output.shape, 'float64');
        const thunks = rule(dy, call);
        t.is(thunks.length, inputs.length, 'a thunk, or undefined, for every input');
        for (const [k, thunk] of thunks.entries()) {
          if (!thunk) continue;
          const gradient = thunk();
          t.deepEqual(gradient.shape, inputs[k].shape, `${name} ${entry.note ?? i}: the shape of the gradient of input ${k}`);
          const problem = slopeProblem(gradient.toNumbers(), inputs[k], (moved) => {
            const output = runOp(op, inputs.with(k, moved), entry.params);
            return dot(output.toNumbers(), weights);
          });
          checked++;
          if (problem) t.fail(`${name} ${entry.note ?? i}, input ${k}: ${problem}`);
        }
      });
    }
    t.true(checked > 0, 'no case checks the gradient');
  });
}

function recorded(run: () => Tensor): RecordedCall {
  const calls: RecordedCall[] = [];
  record(run, (call) => calls.push(call));
  return calls[0];
}

function slopeProblem(gradient: readonly number[], input: Tensor, f: (moved: Tensor) => number): string | undefined {
  const x = input.toNumbers();
  for (let d = 0; d < directions; d++) {
    const v = randomNumbers(x.length, -1, 1, 900 + d);
    const at = (h: number) =>
      scope(() =>
        f(
          Tensor.from(
            x.map((value, i) => value + h * v[i]),
            input.shape,
            'float64',
          ),
        ),
      );
    const slope = (at(step) - at(-step)) / (2 * step);
    const got = dot(gradient, v);
    // Third derivatives of the case's functions stay below 1e3 of the gradient: h²/6·1e3 = 2e-8; rounding: 1e-16·n/h = 1e-11·n.
    const bound = (1e-7 + 1e-10 * x.length) * (1 + largest(gradient) * Math.sqrt(x.length));
    if (!(Math.abs(got - slope) <= bound)) return `the gradient gives a slope of ${got}, differences give ${slope} (bound ${bound})`;
  }
  return undefined;
}
