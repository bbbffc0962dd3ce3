/**
 * `npm run bench:search [-- kernels|resnet20|resnet18 ...]`: what a search for low-bit weights costs. Everything runs on one thread, in turns,
 * and is timed by the CPU time of the process, the fastest of some rounds, so that a machine with other work tells nearly the same.
 *
 * Kernels: bytes that they must touch by time, and that as a share of what copying large arrays moves, reads and writes counted. The last
 * slbExpectationGrad makes 714 MB, more than the 512 MiB of free memory that are kept, so that half of its time is new pages.
 * Steps: milliseconds of a training step with searched weights, as a multiple of the step of the network it is made from, and the share of
 * it that is the search.
 */
import {
  nn,
  slb,
  slbAdamUpdate,
  slbExpectation,
  slbExpectationGrad,
  slbLogitsShape,
  slbSgdUpdate,
  Tensor,
  Trainable,
  threads,
  traceModule,
  train,
} from 'lowbit';
import { random, stepOf } from './step.js';

type Work = () => unknown;

/** CPU seconds of each, the fastest of the rounds; a round is at least `least` seconds. */
async function times<K>(works: ReadonlyMap<K, Work>, rounds: number, least: number): Promise<Map<K, number>> {
  const fastest = new Map<K, number>();
  for (const work of works.values()) await work();
  for (let round = 0; round < rounds; round++) {
    for (const [key, work] of works) {
      const start = cpuSeconds();
      let runs = 0;
      do {
        await work();
        runs++;
      } while (cpuSeconds() - start < least);
      fastest.set(key, Math.min(fastest.get(key) ?? Infinity, (cpuSeconds() - start) / runs));
    }
  }
  return fastest;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

interface Kernel {
  name: string;
  /** Float32 numbers a weight that it must read or write. */
  words: number;
  run: Work;
}

function kernelsOf(weights: number, k: number): Kernel[] {
  const shape = [weights];
  const logitsShape = slbLogitsShape(shape, k);
  const state = () => Tensor.from(new Float32Array(logitsShape.reduce((a, b) => a * b, 1)), logitsShape);
  const [logits, weight, gradient, m, v] = [random(...logitsShape), random(weights), random(weights), state(), state()];
  const count = Math.max(k, 2);
  const values = Tensor.from(Array.from({ length: count }, (_, code) => (2 * code) / (count - 1) - 1));
  const control = Tensor.from([1e-6, 1, 2]);
  const temperature = 2;
  return [
    { name: 'slbExpectation', words: k + 1, run: () => slbExpectation(logits, values, { shape, temperature }).dispose() },
    { name: 'slbExpectationGrad', words: 2 * k + 1, run: () => slbExpectationGrad(gradient, logits, values, { temperature }).dispose() },
    {
      name: 'slbSgdUpdate',
      words: 4 * k + 2,
      run: () => slbSgdUpdate(weight, gradient, logits, values, m, control, { temperature, momentum: 0.9 }),
    },
    {
      name: 'slbAdamUpdate',
      words: 6 * k + 2,
      run: () => slbAdamUpdate(weight, gradient, logits, values, m, v, control, { temperature }),
    },
  ];
}

async function kernels(): Promise<void> {
  const [from, to] = [new Float32Array(2 ** 26).fill(1), new Float32Array(2 ** 26)];
  for (const weights of [2_359_296, 11_159_232]) {
    for (const k of [1, 4, 16]) {
      const list = kernelsOf(weights, k);
      const works = new Map<string, Work>([['copy', () => to.set(from)], ...list.map(({ name, run }): [string, Work] => [name, run])]);
      const seconds = await times(works, 7, 0.05);
      const copied = (2 * from.byteLength) / seconds.get('copy')! / 1e9;
      console.log(`${(weights / 1e6).toFixed(2)} M weights, ${k} logits each; copying ${copied.toFixed(1)} GB/s`);
      for (const { name, words } of list) {
        const rate = (4 * weights * words) / seconds.get(name)! / 1e9;
        const ms = (1000 * seconds.get(name)!).toFixed(3);
        console.log(`  ${name.padEnd(20)}${ms.padStart(10)} ms${rate.toFixed(1).padStart(8)} GB/s  ${percent(rate / copied)} of copying`);
      }
    }
  }
}

interface Search {
  bits: 1 | 2 | 4;
  mode: 'soft' | 'straightThrough';
  /** Of the logits; the rest of the network learns by SGD. */
  optimizer: 'sgd' | 'adam';
}

async function steps(name: string, module: nn.Module, samples: number, searches: readonly Search[], rounds: number): Promise<void> {
  const graph = traceModule(module, [3, 32, 32]);
  const sgd = train.sgd({ rate: 1e-3, weightDecay: 1e-4 });
  const float = new Trainable(graph, { parameters: [...module.parameters().keys()] });
  const works = new Map<Search | 'float', Work>([['float', stepOf(float, samples, sgd)]]);
  for (const search of searches) {
    const network = slb({ weightBits: search.bits, epochs: 10 }).apply(graph);
    for (const weight of network.searched) weight.set(2, search.mode);
    const parts = search.optimizer === 'adam' ? [{ parameters: /\.logits$/, optimizer: train.adam() }] : [];
    works.set(search, stepOf(network, samples, train.mixed(parts, sgd)));
  }
  const seconds = await times(works, rounds, 0);
  const base = seconds.get('float')!;
  console.log(`${name}, ${samples} samples a step: float ${(1000 * base).toFixed(0)} ms`);
  for (const search of searches) {
    const own = seconds.get(search)!;
    const what = `${search.bits} bit, ${search.mode}, ${search.optimizer}`;
    const ms = (1000 * own).toFixed(0);
    console.log(`  ${what.padEnd(32)}${ms.padStart(6)} ms  ${(own / base).toFixed(3)} of float, search ${percent(1 - base / own)}`);
  }
}

const percent = (share: number) => `${(100 * share).toFixed(1).padStart(5)} %`;

const parts: Record<string, () => Promise<void>> = {
  kernels,
  resnet20: () => {
    const all = [1, 2, 4].flatMap((bits) =>
      ['soft', 'straightThrough'].flatMap((mode) => ['sgd', 'adam'].map((optimizer) => ({ bits, mode, optimizer }) as Search)),
    );
    return steps('ResNet-20', nn.models.resnet20(), 128, all, 5);
  },
  resnet18: () => {
    const both = ['sgd', 'adam'].map((optimizer) => ({ bits: 4, mode: 'soft', optimizer }) as Search);
    return steps('ResNet-18 with the stem for CIFAR', nn.models.resnet18({ stem: 'cifar', classes: 10 }), 128, both, 3);
  },
};

threads(1);
const wanted = process.argv.slice(2);
for (const [name, part] of Object.entries(parts)) if (!wanted.length || wanted.includes(name)) await part();
process.exit(0);
