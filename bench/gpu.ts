/**
 * `npm run bench:gpu [-- --python PYTHON --out FOLDER]`: what a graphics card does with our kernels, through the public API, beside
 * PyTorch on the same card (bench/peers/gpu_peer.py). Prints a table and writes gpu.json into the folder. Where a kernel is missing the row
 * says so, and the others go on. Times are medians of rounds of at least 20 ms, after one that does not count.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  allOps,
  compile,
  cudaCard,
  cudaPrecision,
  fakeQuantize,
  minMax,
  nn,
  qconv2d,
  qgemm,
  quantize,
  rowsOf,
  runOp,
  slbLogitsShape,
  slbSgdUpdate,
  Tensor,
  Trainable,
  traceModule,
  train,
} from 'lowbit';
import { random, stepOf } from './step.js';

const { values: options } = parseArgs({ options: { python: { type: 'string' }, out: { type: 'string', default: '.' } } });

const rounds = 9;
const least = 0.02;

interface Row {
  name: string;
  /** Seconds; nothing where it could not run. */
  seconds?: number;
  problem?: string;
  /** What the rate counts: operations, bytes or samples of one run. */
  amount: number;
  unit: 'TOP/s' | 'GB/s' | 'samples/s';
  /** What it is to be compared with: rows of the peers, and of ours. */
  against?: readonly string[];
}

type Work = () => unknown;

const card = cudaCard();
if ('problem' in card) {
  console.log(`no card to measure: ${card.problem}`);
  process.exit(0);
}

/** A tensor whose elements come when all is done that was started before. */
const bell = Tensor.from([0]).to('cuda');
const wait = () => void bell.data();

async function time(work: Work): Promise<number> {
  await work();
  wait();
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    let runs = 0;
    do {
      for (let i = 0; i < 4; i++, runs++) await work();
      wait();
    } while (performance.now() - start < least * 1000);
    seconds.push((performance.now() - start) / 1000 / runs);
  }
  return seconds.sort((a, b) => a - b)[rounds >> 1];
}

const rows: Row[] = [];

/** Measures what `make` gives, and frees what it has made. */
async function measure(row: Omit<Row, 'seconds' | 'problem'>, make: () => Work | Promise<Work>): Promise<void> {
  const made: Row = { ...row };
  try {
    made.seconds = await time(await make());
  } catch (error) {
    made.problem = (error as Error).message.split('\n')[0];
  }
  rows.push(made);
  const rate = made.seconds ? (row.amount / made.seconds).toExponential(3) : made.problem;
  console.log(`${row.name}: ${rate} ${made.seconds ? 'a second' : ''}`);
}

const codes = (shape: readonly number[], dtype: 'int8' | 'uint8') => {
  const data = new (dtype === 'int8' ? Int8Array : Uint8Array)(shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < data.length; i++) data[i] = (Math.imul(i, 2654435761) >>> 13) & 127;
  return Tensor.from(data, shape, dtype, 'cuda');
};
const reals = (shape: readonly number[], value = 0.5) =>
  Tensor.from(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value), shape, 'float32', 'cuda');
const zeros = (count: number) => Tensor.from(new Int32Array(count), [count], 'int32', 'cuda');
const freed = (body: () => Tensor) => () => body().dispose();

/** The rows of an op on the same call, one by one: the measurement of that name has the first that takes it. */
async function eachRow(
  opName: string,
  { name, amount, unit }: Pick<Row, 'name' | 'amount' | 'unit'>,
  make: () => [Tensor[], object],
): Promise<void> {
  const op = allOps.get(opName)!;
  for (const row of rowsOf(op, 'cuda')) {
    await measure({ name: `${name}, row ${row}`, amount, unit, against: [name] }, () => {
      const [inputs, params] = make();
      return freed(() => runOp(op, inputs, params, row));
    });
  }
}

async function products(): Promise<void> {
  for (const [m, n, k] of [
    [8192, 8192, 8192],
    [4096, 4096, 4096],
    [128, 3072, 768],
    [64, 768, 3072],
  ]) {
    const name = `int8 ${m}x${n}x${k}`;
    const amount = 2e-12 * m * n * k;
    const inputs = () => [codes([m, k], 'int8'), codes([n, k], 'int8'), zeros(n), reals([n], 1e-4)] as const;
    const make = (dtype: 'int8' | 'float32') => () => {
      const tensors = inputs();
      return freed(() => qgemm(...tensors, { qmin: -128, qmax: 127, dtype }));
    };
    await measure(
      { name: `${name} to int8`, amount, unit: 'TOP/s', against: [`${name} _int_mm`, `${name} _int_mm, requantize`] },
      make('int8'),
    );
    await eachRow('qgemm', { name: `${name} to int8`, amount, unit: 'TOP/s' }, () => [
      [...inputs()],
      { qmin: -128, qmax: 127, dtype: 'int8' },
    ]);
    await measure({ name: `${name} to float32`, amount, unit: 'TOP/s', against: [`${name} _int_mm, dequantize`] }, make('float32'));
  }
}

const convolutions = [
  ...[
    { size: 56, channels: 64, out: 64, kernel: 3, stride: 1 },
    { size: 28, channels: 128, out: 128, kernel: 3, stride: 1 },
  ],
  ...[
    { size: 14, channels: 256, out: 256, kernel: 3, stride: 1 },
    { size: 7, channels: 512, out: 512, kernel: 3, stride: 1 },
  ],
  ...[
    { size: 56, channels: 64, out: 128, kernel: 3, stride: 2 },
    { size: 56, channels: 64, out: 128, kernel: 1, stride: 2 },
  ],
];

async function convolve(batch = 128): Promise<void> {
  for (const { size, channels, out, kernel, stride } of convolutions) {
    const pad = kernel >> 1;
    const name = `conv ${size} ${channels}-${out} k${kernel} s${stride} b${batch}`;
    const amount = 2e-12 * batch * (size / stride) ** 2 * out * channels * kernel ** 2;
    const image = [batch, size, size, channels];
    const inputs = () => [codes(image, 'uint8'), codes([out, kernel, kernel, channels], 'int8'), zeros(out), reals([out], 1e-4)] as const;
    const params = { strides: [stride, stride], pads: [pad, pad, pad, pad], xZero: 3, qmin: 0, qmax: 255, dtype: 'uint8' } as const;
    await measure({ name: `${name} uint8`, amount, unit: 'TOP/s', against: [`${name} float16`] }, () => {
      const tensors = inputs();
      return freed(() => qconv2d(...tensors, params));
    });
    await eachRow('qconv2d', { name: `${name} uint8`, amount, unit: 'TOP/s' }, () => [[...inputs()], params]);
  }
}

async function bandwidth(): Promise<void> {
  const count = 64 << 20;
  await measure({ name: 'copy of 64M float32', amount: 8e-9 * count, unit: 'GB/s', against: ['copy of 64M float32'] }, () => {
    const x = reals([count]);
    return freed(() => x.copy());
  });
  await measure(
    { name: 'fakeQuantize of 64M', amount: 8e-9 * count, unit: 'GB/s', against: ['fakeQuantize of 64M', 'copy of 64M float32'] },
    () => {
      const [x, scale, zero] = [reals([count]), reals([], 0.01), Tensor.scalar(0, 'int32', 'cuda')];
      return freed(() => fakeQuantize(x, scale, zero, { qmin: -128, qmax: 127 }));
    },
  );
  await measure({ name: 'minMax of 64M', amount: 4e-9 * count, unit: 'GB/s', against: ['minMax of 64M'] }, () => {
    const x = reals([count]);
    return freed(() => minMax(x));
  });
  for (const [choices, weights] of [
    [4, 64 << 20],
    [16, 11 << 20],
  ]) {
    const words = 4 * choices + 2;
    const name = `SLB step of ${weights >> 20}M weights, ${choices} values`;
    await measure({ name, amount: 4e-9 * words * weights, unit: 'GB/s', against: ['copy of 64M float32'] }, () => {
      const shape = slbLogitsShape([weights], choices);
      const [weight, gradient, logits, velocity] = [reals([weights]), reals([weights]), reals(shape), reals(shape)];
      const [values, control] = [
        Tensor.from(
          Float32Array.from({ length: choices }, (_, i) => i),
          [choices],
          'float32',
          'cuda',
        ),
        reals([3], 1e-3),
      ];
      return () => slbSgdUpdate(weight, gradient, logits, values, velocity, control, { momentum: 0.9 });
    });
  }
}

async function inference(): Promise<void> {
  const graph = traceModule(nn.models.resnet18(), [3, 224, 224]);
  const samples = async function* () {
    yield { input: random(2, 3, 224, 224) };
  };
  const { graph: quantized } = await quantize(graph, samples, { observer: 'minmax' });
  for (const batch of [1, 32, 128]) {
    const x = random(batch, 3, 224, 224).to('cuda');
    const y = reals([batch, 1000]);
    for (const [form, network] of Object.entries({ float32: graph, int8: quantized })) {
      const name = `ResNet-18 b${batch}`;
      const against = form === 'int8' ? [`${name} float32`] : [`${name} float32`, `${name} tf32`, `${name} float16`];
      await measure({ name: `${name} ${form}`, amount: batch, unit: 'samples/s', against }, () => {
        const session = compile(network, { device: 'cuda' });
        const [output] = session.outputs;
        return () => session.runSync({ input: x }, { outputs: { [output]: y } });
      });
    }
    x.dispose();
    y.dispose();
  }
}

/** A step with SGD on random images, started op by op or replayed, in each precision; peers have theirs under the same names. */
async function training(): Promise<void> {
  const kinds = [
    { kind: 'float32 op by op', precision: 'float32', replay: false },
    { kind: 'float32', precision: 'float32', replay: true },
    { kind: 'tf32', precision: 'tf32', replay: true },
    { kind: 'bfloat16', precision: 'bf16', replay: true },
  ] as const;
  for (const batch of [128, 512]) {
    const name = `ResNet-18 CIFAR step b${batch}`;
    for (const { kind, precision, replay } of kinds) {
      await measure({ name: `${name} ${kind}`, amount: batch, unit: 'samples/s', against: [`${name} float32`] }, () => {
        cudaPrecision(precision);
        const model = nn.models.resnet18({ classes: 10, stem: 'cifar' });
        const graph = traceModule(model, [3, 32, 32]);
        const trainable = new Trainable(graph, { parameters: [...model.parameters().keys()], inPlace: true }).to('cuda');
        return stepOf(trainable, batch, train.sgd({ rate: 0.1, weightDecay: 1e-4 }), replay);
      });
    }
  }
  cudaPrecision('float32');
}

interface Peer {
  name: string;
  seconds?: number;
  problem?: string;
}

function peersOf(python: string | undefined): Peer[] {
  if (!python) return [];
  const file = join(import.meta.dirname, '..', '..', 'bench', 'peers', 'gpu_peer.py');
  const { stdout, status } = spawnSync(python, [file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: 240_000 });
  if (status !== 0) console.log(`PyTorch's part ended with ${status}`);
  return stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Peer] : []));
}

function print(peers: readonly Peer[]): void {
  const times = new Map<string, number | undefined>([...rows, ...peers].map(({ name, seconds }) => [name, seconds]));
  const peerTimes = new Map(peers.map(({ name, seconds }) => [name, seconds]));
  const found = card as Exclude<typeof card, { problem: string }>;
  console.log(`\n${found.name}, compute capability ${found.capability.toFixed(1)}, ${found.multiprocessors} multiprocessors`);
  console.log(`${'work'.padEnd(46)}${'ms'.padStart(10)}${'rate'.padStart(20)}  speed beside others`);
  for (const { name, seconds, problem, amount, unit, against = [] } of rows) {
    const rate = seconds ? `${(amount / seconds).toPrecision(4)} ${unit}` : '';
    const beside = against.flatMap((other) => {
      const theirs = peerTimes.get(other) ?? times.get(other);
      return seconds && theirs && other !== name ? [`${(theirs / seconds).toFixed(2)}× ${other}`] : [];
    });
    if (seconds && peerTimes.get(name)) beside.unshift(`${(peerTimes.get(name)! / seconds).toFixed(2)}× PyTorch`);
    console.log(
      `${name.padEnd(46)}${seconds ? (seconds * 1000).toFixed(3).padStart(10) : '         -'}${rate.padStart(20)}  ${problem ?? beside.join(', ')}`,
    );
  }
}

await products();
await convolve();
await convolve(1);
await bandwidth();
await training();
await inference();
const peers = peersOf(options.python);
print(peers);
writeFileSync(join(options.out, 'gpu.json'), `${JSON.stringify({ card, rows, peers }, undefined, 2)}\n`);
