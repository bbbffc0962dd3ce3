import test from 'ava';
import { adamUpdate, LowbitError, record, scope, sgdUpdate, sumSquares, Tensor, updateControl } from 'lowbit';
import { random } from './case.js';

test('an update returns its first input and is never recorded', (t) => {
  const [parameter, gradient, velocity, control] = [random([5]), random([5]), random([5]), Tensor.from([0.1, 1, 1])];
  const calls: unknown[] = [];
  record(
    () => t.is(sgdUpdate(parameter, gradient, velocity, control), parameter),
    (call) => calls.push(call),
  );
  t.deepEqual(calls, []);
});

test('clipping by the norm of all gradients is a chain of ops', (t) => {
  scope(() => {
    const gradients = [Tensor.from([3, 0]), Tensor.from([4])];
    const control = updateControl(sumSquares(gradients), Tensor.scalar(0.5), Tensor.from(Float64Array.of(1, 1)), { maxNorm: 1 });
    const parameter = Tensor.from([0, 0]);
    sgdUpdate(parameter, gradients[0], parameter, control);
    t.true(Math.abs(parameter.toNumbers()[0] + 3 / (5 + 1e-6)) < 2 ** -23);
  });
});

const floats = (n: number) => random([n]);
const control = () => Tensor.from([0.1, 1, 1]);

const faults: Record<string, [() => Tensor, RegExp]> = {
  'a gradient of another shape': [() => sgdUpdate(floats(3), floats(4), floats(3), control()), /gradient is \[4\], expected \[3\]/],
  'a velocity of another shape': [
    () => sgdUpdate(floats(3), floats(3), floats(4), control(), { momentum: 0.9 }),
    /velocity is \[4\], expected \[3\]/,
  ],
  'a short control': [() => sgdUpdate(floats(3), floats(3), floats(3), floats(1)), /control is \[1\], expected \[3\]/],
  'nesterov without momentum': [() => sgdUpdate(floats(3), floats(3), floats(3), control(), { nesterov: true }), /nesterov is true/],
  'float64 parameters': [
    () => sgdUpdate(random([3], 0, 1, 1, 'float64'), floats(3), floats(3), control()),
    /parameter is float64, expected float32/,
  ],
  'a schedule of float32': [() => updateControl(Tensor.scalar(1), Tensor.scalar(1), floats(2)), /schedule is float32, expected float64/],
  'a beta of 1': [() => adamUpdate(floats(3), floats(3), floats(3), floats(3), control(), { beta2: 1 }), /beta2 is 1/],
};

for (const [title, [call, words]] of Object.entries(faults)) {
  test(`refused: ${title}`, (t) => {
    const error = t.throws(() => scope(call), { instanceOf: LowbitError });
    t.regex(error?.message ?? '', words);
  });
}
