/**
 * `npm run bench:train [-- PYTHON [name ...]]`: training steps and the passes around them, on two threads; in turns with PyTorch where the
 * path of a Python that has it is given. Prints for each the fastest of the rounds, its speed and
 * its share of the multiply-add peak, and below it PyTorch's time and ours as a multiple of that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import {
  add,
  fakeQuantize,
  gelu,
  gemm,
  histogram,
  inspect,
  measureCeiling,
  minMax,
  mul,
  nn,
  reduceSum,
  scope,
  Tensor,
  Trainable,
  threads,
  traceModule,
  train,
  valueAndGradients,
} from 'lowbit';
import { random, stepOf } from './step.js';

const count = 2;
const rounds = 7;
const [python, ...wanted] = process.argv.slice(2);

interface Work {
  name: string;
  /** What PyTorch calls it; of several the fastest counts. */
  peers: readonly string[];
  /** Multiply-adds of a run, 0 where bytes matter. */
  macs: number;
  samples: number;
  run(): void | Promise<void>;
}

/** A step with SGD on random images of 32 × 32. */
function classifier(name: string, model: nn.Module, samples: number): Work {
  const graph = traceModule(model, [3, 32, 32]);
  const trainable = new Trainable(graph, { parameters: [...model.parameters().keys()], inPlace: true });
  const run = stepOf(trainable, samples, train.sgd({ rate: 0.1, weightDecay: 1e-4 }));
  const { macs } = inspect(graph, { shapes: { input: [samples, 3, 32, 32] } });
  // The gradients of weights and inputs cost as much as going forward, each.
  return { name, peers: [`${name} nchw`, `${name} channels_last`], macs: 3 * macs!, samples, run };
}

class EncoderLayer extends nn.Module {
  readonly attention = new nn.MultiHeadAttention(768, 12);
  readonly norm1 = new nn.LayerNorm(768);
  readonly dense1 = new nn.Linear(768, 3072);
  readonly dense2 = new nn.Linear(3072, 768);
  readonly norm2 = new nn.LayerNorm(768);

  forward(x: Tensor): Tensor {
    const seen = this.norm1.forward(add(x, this.attention.forward(x)));
    return this.norm2.forward(add(seen, this.dense2.forward(gelu(this.dense1.forward(seen)))));
  }
}

/** A layer of BERT-base on 8 sequences of 128: forwards, backwards from a given gradient, SGD. */
function encoder(): Work {
  const layer = new EncoderLayer();
  const [x, dy, control] = [random(8, 128, 768), random(8, 128, 768), Tensor.from([1e-3, 1, 2])];
  const parameters = layer.parameters();
  const optimizer = train.sgd({ rate: 1e-3 }).start(parameters);
  const run = () =>
    scope(() => {
      const loss = () => reduceSum(mul(layer.forward(x), dy), { axes: [0, 1, 2], keepDims: false });
      const { gradients } = valueAndGradients(loss, parameters.values());
      optimizer.update(gradients, () => control);
    });
  const macs = 1024 * (4 * 768 * 768 + 2 * 768 * 3072 + 2 * 128 * 768);
  return { name: 'encoder layer', peers: ['encoder', 'encoder fused attention'], macs: 3 * macs, samples: 8, run };
}

function call(name: string, peers: readonly string[], macs: number, body: () => Tensor): Work {
  return { name, peers, macs, samples: 1, run: () => body().dispose() };
}

const numbers = random(128 * 16 * 1024);
const [scale, zero] = [Tensor.scalar(0.02), Tensor.scalar(0, 'int32')];
const [a, b, c] = [random(1024, 1024), random(1024, 1024), random(1024)];
const quantized = { qmin: -128, qmax: 127 };

const works: [string, () => Work][] = [
  ['resnet20', () => classifier('resnet20', nn.models.resnet20(), 128)],
  ['resnet18', () => classifier('resnet18', nn.models.resnet18({ stem: 'cifar', classes: 10 }), 64)],
  ['encoder', encoder],
  ['gemm', () => call('gemm 1024', ['gemm 1024'], 1024 ** 3, () => gemm(a, b, c))],
  ['fakeQuantize', () => call('fakeQuantize 2.1 M', ['fake-quantize'], 0, () => fakeQuantize(numbers, scale, zero, quantized))],
  ['minMax', () => call('minMax 2.1 M', ['min/max'], 0, () => minMax(numbers))],
  ['histogram', () => call('histogram 2.1 M, 2048 bins', ['histogram'], 0, () => histogram(numbers, { exponent: 0, bins: 1024 }))],
];

/** Asks the Python process for one run; milliseconds. */
function peer(): ((name: string) => Promise<number>) | undefined {
  if (!python) return undefined;
  const child: ChildProcess = spawn(python, ['bench/peers/torch_peer.py', String(count)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const greeting = lines.next();
  return async (name) => {
    await greeting;
    child.stdin!.write(`${name}\n`);
    const { value } = await lines.next();
    return Number(value);
  };
}

/**
 * Milliseconds of a run, the mean of 100 ms after as long a start. Before it the peer's threads are given time to sleep: those of OpenMP
 * spin on for 200 ms after their work.
 */
async function time(run: () => void | Promise<void>): Promise<number> {
  await pause(250);
  await repeated(run);
  return repeated(run);
}

async function repeated(run: () => void | Promise<void>): Promise<number> {
  const start = performance.now();
  let runs = 0;
  do {
    const done = run();
    if (done) await done;
    runs++;
  } while (performance.now() - start < 100);
  return (performance.now() - start) / runs;
}

/** Nanoseconds of the way from TypeScript to a kernel and back, on a tensor of one element, alone and under the tape. */
function overhead(): void {
  const x = Tensor.scalar(1);
  const rate = (body: () => void, calls: number) => {
    body();
    const start = performance.now();
    for (let i = 0; i < 200; i++) body();
    return ((performance.now() - start) / 200 / calls) * 1000;
  };
  const chain = () => {
    let y = x;
    for (let i = 0; i < 100; i++) y = add(y, x);
    return y;
  };
  console.log(
    `adding two numbers, from TypeScript to the kernel and back: ${rate(() => void scope(() => void chain()), 100).toFixed(2)} us`,
  );
  const step = () => scope(() => void valueAndGradients(chain, [x]));
  console.log(`the same with its gradient: ${rate(step, 300).toFixed(2)} us an op`);
}

threads(count);
console.log(`${count} threads; the fastest of ${rounds} rounds; time ratio: our time divided by PyTorch's, below 1 is faster`);
overhead();
const { fp32: ceiling } = measureCeiling(count);
console.log(`multiply-add peak: ${ceiling?.toFixed(0) ?? 'unknown'} GFLOP/s`);
const ask = peer();
for (const [key, make] of works) {
  if (wanted.length && !wanted.includes(key)) continue;
  const work = make();
  await work.run();
  const mine: number[] = [];
  const theirs = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    mine.push(await time(work.run));
    for (const name of ask ? work.peers : []) theirs.set(name, [...(theirs.get(name) ?? []), await ask!(name)]);
  }
  const best = Math.min(...mine);
  const rate = (2 * work.macs) / best / 1e6;
  const share = work.macs && ceiling ? `  ${rate.toFixed(0)} GFLOP/s, ${((100 * rate) / ceiling).toFixed(0)} % of the peak` : '';
  const speed = work.samples > 1 ? `  ${((1000 * work.samples) / best).toFixed(0)} samples/s` : '';
  console.log(`${work.name.padEnd(28)}${best.toFixed(3).padStart(10)} ms${speed}${share}`);
  for (const [name, times] of theirs) {
    const least = Math.min(...times);
    console.log(`  torch ${name.padEnd(26)}${least.toFixed(3).padStart(8)} ms  time ratio ${(best / least).toFixed(2)}`);
  }
}
process.exit(0);
