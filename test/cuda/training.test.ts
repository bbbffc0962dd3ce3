/** Training and searching on a graphics card: the same options, callbacks and files as on the CPU, and about the same numbers. */
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type AnyOp, type Dataset, digits, evaluate, fit, nn, ops, quantize, slb, traceModule, train } from 'lowbit';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { bytesOf, random } from '../ops/case.js';
import { onCard } from './device.js';

const { add, adamUpdate, argMax, assign, cast, cropFlip, cutout, equal, fill, lookupLevels, mul, reduceMean, reduceSum, reshape } = ops;
const { batchNorm, batchNormInputGrad, batchNormSums, batchNormTraining, batchStatistics, conv2d, conv2dInputGrad } = ops;
const { conv2dWeightGrad, crossEntropy, crossEntropyGrad, dropout, dropoutTraining, gemm, gemmWeightGrad, matmul, movingAverage } = ops;
const { relu, reluGrad, sgdUpdate, slice, sumSquares, sumTo, transpose, updateControl } = ops;
const { fakeQuantizeRange, fakeQuantizeRangeGrad, followRange, minMax, slbConfidence, slbExpectation, slbSelect, slbSgdUpdate } = ops;

const learning: AnyOp[] = [
  ...[batchNorm, batchNormInputGrad, batchNormSums, batchNormTraining, batchStatistics, conv2d, conv2dInputGrad, conv2dWeightGrad],
  ...[crossEntropy, crossEntropyGrad, dropout, dropoutTraining, gemm, gemmWeightGrad, matmul, movingAverage, relu, reluGrad, sgdUpdate],
  ...[argMax, cast, equal, fill, lookupLevels, reduceSum, reshape, slice, sumSquares, sumTo, transpose, updateControl, add, mul],
] as AnyOp[];
const augmenting = [cropFlip, cutout] as AnyOp[];
const searching = [
  ...[assign, fakeQuantizeRange, fakeQuantizeRangeGrad, followRange, minMax, reduceMean],
  ...[slbConfidence, slbExpectation, slbSelect, slbSgdUpdate],
] as AnyOp[];

const samples = (count = 48, seed = 1): Dataset => digits({ count, seed });

function network(): nn.Module {
  const random = new nn.Random(0);
  return new nn.Sequential(
    new nn.Conv2d(1, 4, 3, { stride: 2, padding: 1, bias: false, random }),
    new nn.BatchNorm2d(4),
    new nn.ReLU(),
    new nn.Conv2d(4, 8, 3, { stride: 2, padding: 1, bias: false, random }),
    new nn.BatchNorm2d(8),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Dropout(0.1),
    new nn.Linear(8 * 7 * 7, 10, { random }),
  );
}

// Sums in another order, a step after another: far below what a wrong gradient does.
const bound = 2e-3;

function close(t: ExecutionContext, got: readonly number[], want: readonly number[], what: string): void {
  const far = got.findIndex((x, i) => !(Math.abs(x - want[i]) <= bound * Math.max(1, Math.abs(want[i]))));
  t.is(far, -1, `${what}: ${got[far]} instead of ${want[far]}`);
}

const bytes = (model: nn.Module) => Buffer.concat([...model.state().values()].map((tensor) => bytesOf(tensor.data())));

async function same(t: ExecutionContext, options: Omit<train.FitOptions, 'epochs'>): Promise<void> {
  const [here, there] = [network(), network()];
  const all = { epochs: 1, batchSize: 16, validation: samples(20, 2), ...options };
  const steps: string[] = [];
  const log: train.Callback = { name: 'log', late: true, onStep: (_, { step, stepInEpoch }) => void steps.push(`${step}/${stepInEpoch}`) };
  const expected = await fit(here, samples(), all);
  const found = await fit(there, samples(), { ...all, device: 'cuda', callbacks: [log] });
  t.deepEqual(steps, ['1/1', '2/2', '3/3']);
  for (const part of ['training', 'validation'] as const) {
    close(t, [found.history[0][part]!.loss], [expected.history[0][part]!.loss], part);
  }
  for (const [name, tensor] of there.state()) {
    t.is(tensor.device, 'cpu', name);
    close(t, tensor.toNumbers(), here.state().get(name)!.toNumbers(), name);
  }
  here.dispose();
  there.dispose();
}

onCard('a network learns on the card what it learns on the CPU', learning, (t) => same(t, {}));

onCard('with changed images, parts of batches and clipped gradients', [...learning, ...augmenting, adamUpdate as AnyOp], (t) =>
  same(t, { accumulate: 2, clipNorm: 0.5, optimizer: train.adamw(), augment: { crop: { padding: 2 }, cutout: 3 } }),
);

onCard('a run goes on from a checkpoint of the card, there or on the CPU', learning, async (t) => {
  const folder = join(temporaryFolder(), 'checkpoints');
  const options = { batchSize: 16, device: 'cuda' } as const;
  const [whole, part] = [network(), network()];
  const stops: train.Callback = { name: 'stops', onStep: (run) => (run.step === 2 ? run.stop('enough') : undefined) };
  await fit(whole, samples(), { epochs: 1, ...options });
  await fit(part, samples(), { epochs: 1, ...options, callbacks: [train.checkpoints(folder), stops] });
  const [again, here] = [network(), network()];
  const { steps } = await fit(again, samples(), { epochs: 1, ...options, resume: folder });
  t.is(steps, 3);
  t.true(bytes(again).equals(bytes(whole)), 'the same bytes as without a break');
  await fit(here, samples(), { epochs: 1, batchSize: 16, resume: folder });
  for (const [name, tensor] of here.state()) close(t, tensor.toNumbers(), whole.state().get(name)!.toNumbers(), name);
  for (const model of [whole, part, again, here]) model.dispose();
});

onCard('callbacks that look at the model see it as it is after their step', learning, async (t) => {
  const seen: number[][] = [];
  const looks: train.Callback = { name: 'looks', onStep: (run, { step }) => void seen.push([run.step, step]) };
  await fit(network(), samples(), { epochs: 1, batchSize: 16, device: 'cuda', callbacks: [looks] });
  t.deepEqual(
    seen,
    [1, 2, 3].map((step) => [step, step]),
  );
});

onCard('a step whose loss is not finite changes nothing, and ends the run', learning, async (t) => {
  const model = network();
  await faultsLater(
    t,
    () => fit(model, samples(), { epochs: 1, batchSize: 16, device: 'cuda', optimizer: train.sgd({ rate: 1e30 }) }),
    'data',
    /step [23] \(epoch 1\): the loss is .* This step has changed nothing/,
  );
  for (const tensor of model.state().values()) t.is(tensor.device, 'cpu');
});

onCard('a search runs on the card', [...learning, ...searching], async (t) => {
  const runOn = async (device: 'cpu' | 'cuda') => {
    const search = slb({ weightBits: 2, activationBits: 8, activation: { delay: 2 }, epochs: 3, init: 'random' });
    const model = search.apply(traceModule(network(), { input: { shape: [1, 28, 28], dtype: 'float32' } }));
    const callbacks = search.callbacks(model, samples(), { validation: samples(20, 2) });
    const { history } = await fit(model, samples(), { epochs: 3, batchSize: 16, device, validation: samples(20, 2), callbacks });
    t.is(callbacks[0].history.length, 3);
    t.notThrows(() => search.convert(model));
    return history.map(({ training }) => training.loss);
  };
  close(t, await runOn('cuda'), await runOn('cpu'), 'losses');
});

onCard('samples of a quantization are run and watched on the card', [conv2d, relu, gemm, minMax, transpose] as AnyOp[], async (t) => {
  const graph = traceModule(network(), { input: { shape: [1, 28, 28], dtype: 'float32' } });
  const batches = async function* () {
    yield { input: random([8, 1, 28, 28], 0, 1) };
  };
  const [here, there] = [
    await quantize(graph, batches, { observer: 'minmax' }),
    await quantize(graph, batches, { observer: 'minmax', device: 'cuda' }),
  ];
  for (const [name, { min, max }] of Object.entries(here.ranges)) {
    close(t, [there.ranges[name].min, there.ranges[name].max], [min, max], name);
  }
});

onCard('evaluation on the card', [conv2d, relu, gemm, batchNorm, transpose] as AnyOp[], async (t) => {
  const graph = traceModule(network(), { input: { shape: [1, 28, 28], dtype: 'float32' } });
  const [here, there] = [await evaluate(graph, samples()), await evaluate(graph, samples(), { device: 'cuda' })];
  t.is(there.top1, here.top1);
});
