/** Runs that ask for a precision of products: mixed precision, and that of the process as it was before. */
import { join } from 'node:path';
import { type AnyOp, type CudaPrecision, cudaPrecision, type Dataset, digits, fit, gemm, nn, type Tensor, train } from 'lowbit';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { bytesOf } from '../ops/case.js';
import { onCard } from './device.js';

const needed = [gemm] as AnyOp[];
const samples = (): Dataset => digits({ count: 48, seed: 1 });
const once = { epochs: 1, batchSize: 16, device: 'cuda' } as const;

const classifier = (): nn.Module => new nn.Sequential(new nn.Flatten(), new nn.Linear(28 * 28, 10, { random: new nn.Random(0) }));

function convolutions(): nn.Module {
  const random = new nn.Random(0);
  return new nn.Sequential(
    new nn.Conv2d(1, 4, 3, { stride: 4, padding: 1, bias: false, random }),
    new nn.BatchNorm2d(4),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Dropout(0.1),
    new nn.Linear(4 * 7 * 7, 10, { random }),
  );
}

const bytes = (model: nn.Module) => Buffer.concat([...model.state().values()].map((tensor) => bytesOf(tensor.data())));
const weightOf = (model: nn.Module): Tensor => [...model.parameters().values()].find(({ shape }) => shape.length > 1)!;

/**
 * One step of a linear classifier, z = W·x. Factors rounded to bfloat16 are off by u = 2^-8 of themselves at most, so products by
 * q = 2u + u², and logits by e = q·Σ|w·x| and what float32 sums add, which is less than u·Σ|w·x| more. A probability then changes by a factor
 * within e^±2e, and so by d = e^2e − 1 at most; the loss by 2e. The gradient of W, the mean over samples of (p − y)·x, changes by
 * max|x|·(d·(1 + q) + q) and again what its sums add: less than u·max|x|.
 */
onCard('a step in bf16 is off by no more than its rounding', needed, async (t) => {
  const [here, there] = [classifier(), classifier()];
  const rate = 0.1;
  const options = { ...once, batchSize: 48, optimizer: train.sgd({ rate, momentum: 0 }) };
  const w = weightOf(here).toNumbers();
  const { values } = await samples().gather(Uint32Array.from({ length: 48 }, (_, i) => i));
  const x = Array.from(values as Uint8Array, (pixel) => pixel / 255);
  let most = 0;
  for (let row = 0; row < 48; row++) {
    for (let k = 0; k < 10; k++) {
      const sum = Array.from({ length: 784 }, (_, i) => Math.abs(x[row * 784 + i] * w[k * 784 + i])).reduce((a, b) => a + b);
      most = Math.max(most, sum);
    }
  }
  const u = 2 ** -8;
  const q = 2 * u + u ** 2;
  const e = (q + u) * most;
  const d = Math.exp(2 * e) - 1;
  const exact = await fit(here, samples(), options);
  const rounded = await fit(there, samples(), { ...options, precision: 'bf16' });
  const [a, b] = [exact, rounded].map(({ history }) => history[0].training.loss);
  t.true(Math.abs(a - b) <= 2 * e, `losses ${a}, ${b}`);
  t.not(a, b);
  const [p, r] = [here, there].map((model) => weightOf(model).toNumbers());
  const off = Math.max(...p.map((value, i) => Math.abs(value - r[i])));
  t.true(off > 0 && off <= rate * (d * (1 + q) + q + u), `${off} of ${rate * (d * (1 + q) + q + u)}`);
});

onCard('runs in bf16 give the same bytes again, and after a break', needed, async (t) => {
  const folder = join(temporaryFolder(), 'checkpoints');
  const options = { ...once, epochs: 2, precision: 'bf16' } as const;
  const stops: train.Callback = { name: 'stops', onStep: (run) => (run.step === 2 ? run.stop('enough') : undefined) };
  const [first, second, part, rest, exact] = Array.from({ length: 5 }, convolutions);
  await fit(first, samples(), options);
  await fit(second, samples(), options);
  await fit(part, samples(), { ...options, callbacks: [train.checkpoints(folder), stops] });
  await fit(rest, samples(), { ...options, resume: folder });
  await fit(exact, samples(), { ...options, precision: 'float32' });
  t.true(bytes(second).equals(bytes(first)));
  t.true(bytes(rest).equals(bytes(first)));
  t.false(bytes(exact).equals(bytes(first)));
  for (const precision of [undefined, 'tf32'] as const) {
    const other = () => fit(convolutions(), samples(), { ...options, precision, resume: folder });
    await faultsLater(t, other, 'option', /precision is "(float32|tf32)", expected bf16 because the run in .* began with that/);
  }
  for (const model of [first, second, part, rest, exact]) model.dispose();
});

onCard('the precision of the process is what it was before, also after an error', needed, async (t) => {
  const during: CudaPrecision[] = [];
  const looks: train.Callback = { name: 'looks', onEpochTrained: () => void during.push(cudaPrecision()) };
  cudaPrecision('tf32');
  try {
    await fit(classifier(), samples(), { ...once, precision: 'bf16', callbacks: [looks] });
    t.is(cudaPrecision(), 'tf32');
    await fit(classifier(), samples(), { ...once, callbacks: [looks] });
    const throws: train.Callback = {
      name: 'throws',
      onEpochTrained: () => {
        throw new Error('no');
      },
    };
    await t.throwsAsync(() => fit(classifier(), samples(), { ...once, precision: 'float32', callbacks: [looks, throws] }), {
      message: 'no',
    });
    t.is(cudaPrecision(), 'tf32');
    t.deepEqual(during, ['bf16', 'tf32', 'float32']);
  } finally {
    cudaPrecision('float32');
  }
});

onCard('runs at the same time have the same precision', needed, async (t) => {
  const long = fit(classifier(), samples(), { ...once, epochs: 2, precision: 'bf16' });
  const expected = /precision is "(tf32|float32)", expected bf16 because a run that is under way has set it/;
  await faultsLater(t, () => fit(classifier(), samples(), { ...once, precision: 'tf32' }), 'option', expected);
  await faultsLater(t, () => fit(classifier(), samples(), once), 'option', expected);
  await fit(classifier(), samples(), { ...once, precision: 'bf16' });
  t.is(cudaPrecision(), 'bf16');
  await long;
  t.is(cudaPrecision(), 'float32');
});

onCard('precisions that do not exist, or not on the CPU, are refused', needed, async (t) => {
  const refused = (options: Partial<train.FitOptions>, words: RegExp) =>
    faultsLater(t, () => fit(classifier(), samples(), { ...once, ...options }), 'option', words);
  await refused({ precision: 'fp16' as never }, /precision is "fp16", expected one of float32, tf32, bf16/);
  await refused({ precision: 'bf16', device: 'cpu' }, /precision is "bf16", expected float32 because the device is cpu/);
  await refused({ precision: 'bf16', device: undefined }, /expected float32 because the device is cpu/);
  await t.notThrowsAsync(() => fit(classifier(), samples(), { ...once, precision: 'float32', device: 'cpu' }));
});
