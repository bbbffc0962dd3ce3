import { join } from 'node:path';
import test from 'ava';
import { fit, type SlbEpoch, type SlbOptions, slb, threads, train } from 'lowbit';
import { temporaryFolder } from '../../folder.js';
import { bytesOf } from '../../ops/case.js';
import { smallDigits, smallNetwork } from '../../train/networks.js';
import { everyLayer, graphOf } from './networks.js';

const options: SlbOptions = {
  epochs: 6,
  weightBits: 2,
  activationBits: 8,
  activation: { delay: 3, decay: 0.9 },
  temperature: { startTime: 0.2, endTime: 0.7, factor: 1.5 },
  bnCalibration: 2,
  straightThroughTail: 1,
};

interface Search {
  epochs?: number;
  folder?: string;
  resume?: string;
  stopAt?: number;
  more?: Partial<SlbOptions>;
}

async function searchIn({ epochs = 6, folder, resume, stopAt, more }: Search) {
  const search = slb({ ...options, ...more });
  const network = search.apply(graphOf(everyLayer(3)));
  const data = smallDigits(96);
  const [watch] = search.callbacks(network, data, { validation: smallDigits(40, 2) });
  const optimizer = train.mixed([{ parameters: '*.logits', optimizer: train.adam({ rate: 0.02 }) }], train.sgd({ rate: 0.05 }));
  const stop: train.Callback = { name: 'stop', onStep: (run, { step }) => void (step === stopAt && run.stop('enough')) };
  const saved = folder ? [train.checkpoints(folder, { keep: 100, everySteps: 2 })] : [];
  const { history } = await fit(network, data, {
    ...{ epochs, batchSize: 16, optimizer, augment: { crop: { padding: 2 } }, schedule: train.cosine(), validation: smallDigits(40, 2) },
    ...{ callbacks: [watch, ...saved, stop], resume },
  });
  const state = [...network.state()].map(([name, tensor]) => [name, bytesOf(tensor.data()).toString('base64')]);
  return { network, state, epochs: watch.history, history: history.map(({ training, validation }) => ({ training, validation })) };
}

for (const stateBatchNorm of [false, true]) {
  test(`a search resumed at any step ends with the same bytes and the same report${stateBatchNorm ? ', state batch normalization' : ''}`, async (t) => {
    const more = { stateBatchNorm };
    const whole = await searchIn({ more });
    t.is(whole.epochs.length, 6);
    const folder = temporaryFolder();
    await searchIn({ folder, stopAt: 31, more });
    for (const step of [6, 8, 16, 24, 31]) {
      const from = join(folder, `step-${String(step).padStart(9, '0')}`);
      const resumed = await searchIn({ resume: from, more });
      t.deepEqual(resumed.state, whole.state, `from step ${step}`);
      t.deepEqual(resumed.epochs, whole.epochs);
      t.deepEqual(resumed.history, whole.history);
    }
  });
}

test('a search gives the same bytes on any number of threads', async (t) => {
  const states = [];
  for (const count of [1, 2, 3]) {
    threads(count);
    states.push((await searchIn({})).state);
  }
  t.deepEqual(states[1], states[0]);
  t.deepEqual(states[2], states[0]);
});

test('epochs report temperature, mode, soft numbers and what the layers choose', async (t) => {
  const { epochs, network } = await searchIn({});
  t.deepEqual(
    epochs.map(({ mode }) => mode),
    ['soft', 'soft', 'soft', 'straightThrough', 'straightThrough', 'straightThrough'],
  );
  t.deepEqual(
    epochs.map(({ temperature }) => temperature),
    [1, 1.5, 2.25, 1, 1, 1],
  );
  t.true(epochs.slice(0, 3).every(({ soft }) => soft && soft.accuracy >= 0 && soft.loss > 0));
  t.true(epochs.slice(3).every(({ soft }) => soft === undefined));
  const last = epochs.at(-1) as SlbEpoch;
  t.is(last.layers.length, network.searched.length);
  for (const [i, { histogram, confidence, flipRate, name }] of last.layers.entries()) {
    t.is(histogram.length, 4);
    t.is(
      histogram.reduce((a, b) => a + b),
      network.searched[i].weight.size,
      name,
    );
    t.true(confidence > 0.25 && confidence <= 1 && flipRate >= 0 && flipRate < 1, name);
  }
  t.true(epochs[0].layers.every(({ flipRate }) => flipRate === 0));
  t.true(epochs.some(({ layers }) => layers.some(({ flipRate }) => flipRate > 0)));
});

test('calibration gives normalizations the statistics of decided weights, and nothing else', async (t) => {
  const search = slb({ ...options, bnCalibration: false, temperature: { startTime: 0, endTime: 1 } });
  const network = search.apply(graphOf(everyLayer(3)));
  const before = new Map([...network.state()].map(([name, tensor]) => [name, tensor.toNumbers()]));
  const weights = network.searched.map(({ weight }) => weight.toNumbers());
  await train.calibrateBatchNorm(network, smallDigits(96), { batchSize: 16, batches: 3 });
  const moved = [...network.state()].flatMap(([name, tensor]) =>
    tensor.toNumbers().some((x, i) => x !== before.get(name)![i]) ? [name] : [],
  );
  t.true(moved.length >= 8 && moved.every((name) => /mean|variance/i.test(name)), moved.join());
  t.deepEqual(
    network.searched.map(({ weight }) => weight.toNumbers()),
    weights,
  );
  // The same batches once more give the same statistics: what was there before is not part of them.
  const first = new Map(moved.map((name) => [name, network.state().get(name)!.toNumbers()]));
  await train.calibrateBatchNorm(network, smallDigits(96), { batchSize: 16, batches: 3 });
  for (const [name, numbers] of first)
    t.true(
      network
        .state()
        .get(name)!
        .toNumbers()
        .every((x, i) => Math.abs(x - numbers[i]) <= 1e-6 * Math.max(1, Math.abs(x))),
      name,
    );
});

test('state batch normalization follows a network with dropout', async (t) => {
  const search = slb({ ...options, epochs: 1, stateBatchNorm: true, activationBits: null });
  const network = search.apply(graphOf(smallNetwork()));
  const data = smallDigits(32);
  await fit(network, data, { epochs: 1, batchSize: 16, callbacks: search.callbacks(network, data) });
  t.true([...network.state().values()].every((tensor) => tensor.toNumbers().every(Number.isFinite)));
});

test('earlier epochs count: the schedule goes on where they ended', (t) => {
  const search = slb({ epochs: 10, trainedEpochs: 4, straightThroughTail: false, temperature: { startTime: 0.2, endTime: 0.6 } });
  t.is(search.stage(4 + 1).mode, 'soft');
  t.is(search.stage(4 + 2).mode, 'hard');
});
