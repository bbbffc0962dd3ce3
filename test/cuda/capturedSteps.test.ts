/** Steps of training as CUDA graphs: the bytes of steps that are started op by op, and a host that waits for nothing but their numbers. */
import { join } from 'node:path';
import {
  type AnyOp,
  type Dataset,
  digits,
  fit,
  gemm,
  memory,
  mul,
  nn,
  sgdUpdate,
  slb,
  Tensor,
  Trainable,
  traceModule,
  train,
  updateControl,
} from 'lowbit';
import { native } from '../../lib/native.js'; // another instance of lib/, of the same addon
import { temporaryFolder } from '../folder.js';
import { bytesOf, random } from '../ops/case.js';
import { onCard } from './device.js';

const needed = [gemm, sgdUpdate, updateControl] as AnyOp[];

/** Five steps of 16 an epoch: at most two that are started, one that is written down, and two that are replayed. */
const samples = (): Dataset => digits({ count: 80, seed: 1 });
const [epochs, batchSize] = [4, 16];

function network(): nn.Module {
  const random = new nn.Random(0);
  return new nn.Sequential(
    new nn.Conv2d(1, 3, 3, { stride: 4, padding: 1, bias: false, random }),
    new nn.BatchNorm2d(3),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Dropout(0.2),
    new nn.Linear(3 * 7 * 7, 10, { random }),
  );
}

const graph = () => traceModule(network(), { input: { shape: [1, 28, 28], dtype: 'float32' } });

/** Counts how often functions of the addon are called, of `copy` only those that wait: to the host. */
async function counted<T>(body: (counts: Readonly<Record<string, number>>) => Promise<T>): Promise<T> {
  const addon = native().addon as unknown as Record<string, (...args: unknown[]) => unknown>;
  const originals = Object.fromEntries(['collect', 'copy', 'settle', 'submit', 'submitPlan'].map((name) => [name, addon[name]]));
  const counts = Object.fromEntries(Object.keys(originals).map((name) => [name, 0]));
  for (const [name, original] of Object.entries(originals)) {
    addon[name] = (...args) => {
      if (name !== 'copy' || args[2] === false) counts[name]++;
      return original(...args);
    };
  }
  try {
    return await body(counts);
  } finally {
    Object.assign(addon, originals);
  }
}

interface Outcome {
  bytes: Buffer;
  losses: number[];
  replays: number;
}

/** Everything that a run leaves: the model, the optimizer's tensors, the losses. */
async function learned(replay: boolean, options: Partial<train.FitOptions>, searching = false): Promise<Outcome> {
  // Soft at two temperatures, then decided.
  const temperature = { start: 1, startTime: 0, endTime: 0.75, factor: 2 };
  const bits = { weightBits: 2, activationBits: 8, activation: { delay: 2 }, quantizeFirst: true } as const;
  const search = slb({ ...bits, epochs, temperature, straightThroughTail: false, init: 'random' });
  const model = searching ? search.apply(graph()) : new Trainable(graph());
  const left: Buffer[] = [];
  const looks: train.Callback = {
    name: 'looks',
    onEnd: (run) => {
      const { model, optimizer } = run.capture();
      for (const tensor of [...model.values(), ...optimizer.values()]) left.push(bytesOf(tensor.data()));
    },
  };
  const callbacks = [...(searching ? search.callbacks(model, samples()) : []), ...(options.callbacks ?? []), looks];
  const all = { epochs, batchSize, device: 'cuda', replay, ...options, callbacks } as const;
  return counted(async (counts) => {
    const { history } = await fit(model, samples(), all);
    return { bytes: Buffer.concat(left), losses: history.map(({ training }) => training.loss), replays: counts.submitPlan };
  });
}

const schedule = () => train.warmUp(train.cosine({ final: 0.01 }), { steps: 3 });

const runs: Record<string, [Partial<train.FitOptions>, searching?: boolean]> = {
  'momentum, a schedule, dropout, changed images': [
    {
      optimizer: train.sgd({ rate: 0.05, nesterov: true, weightDecay: 1e-3 }),
      schedule: schedule(),
      augment: { crop: { padding: 2 }, flip: true, cutout: 3 },
    },
  ],
  'Adam, parts of batches, clipped gradients': [
    { optimizer: train.adamw({ rate: 0.01 }), schedule: schedule(), accumulate: 2, clipNorm: 0.5 },
  ],
  'a search that goes from soft to decided': [{ optimizer: train.sgd({ rate: 0.05 }), schedule: schedule() }, true],
  'a search with Adam': [{ optimizer: train.adam({ rate: 0.01 }), schedule: schedule() }, true],
};

for (const [title, [options, searching]] of Object.entries(runs)) {
  onCard(`replayed steps leave the bytes of others: ${title}`, needed, async (t) => {
    const started = await learned(false, options, searching);
    const replayed = await learned(true, options, searching);
    t.is(started.replays, 0);
    t.true(replayed.replays >= epochs * 5 - 1, `${replayed.replays} of ${epochs * 5} steps`);
    t.deepEqual(replayed.losses, started.losses);
    t.true(replayed.bytes.equals(started.bytes));
  });
}

onCard('while steps are replayed the host waits for their numbers alone', needed, async (t) => {
  const seen: Record<string, number>[] = [];
  await counted((counts) => {
    const looks: train.Callback = { name: 'looks', late: true, onStep: () => void seen.push({ ...counts }) };
    return fit(network(), samples(), { epochs: 1, batchSize, device: 'cuda', callbacks: [looks] });
  });
  const [, second, third, fourth] = seen; // each when the step behind it was started
  for (const [before, after] of [
    [second, third],
    [third, fourth],
  ]) {
    t.is(after.submitPlan - before.submitPlan, 1);
    t.is(after.collect - before.collect, 3, 'loss, length of the gradient, accuracy');
    t.is(after.copy - before.copy, 0);
    t.is(after.settle - before.settle, 0);
  }
});

onCard('a run whose steps are replayed goes on from a checkpoint with the same bytes', needed, async (t) => {
  const folder = join(temporaryFolder(), 'checkpoints');
  const options = { schedule: schedule(), optimizer: train.adam({ rate: 0.01 }) };
  const whole = await learned(true, options);
  const stops: train.Callback = { name: 'stops', onEpochTrained: (run) => (run.epoch === 3 ? run.stop('enough') : undefined) };
  await learned(true, { ...options, callbacks: [train.checkpoints(folder, { everySteps: 7 }), stops] });
  const rest = await learned(true, { ...options, resume: folder });
  t.true(rest.bytes.equals(whole.bytes));
  t.deepEqual(rest.losses, whole.losses);
});

onCard('a loss that looks at its numbers is started step by step', needed, async (t) => {
  const cross = train.crossEntropy();
  const looking = Object.assign(
    (...[output, target, outputs, inputs]: Parameters<train.Loss>) => {
      const loss = cross(output, target, outputs, inputs);
      return mul(loss, Tensor.scalar(loss.item() > 1e9 ? 0 : 1, 'float32', loss.device));
    },
    { options: {} },
  );
  const { replays, losses } = await learned(true, { epochs: 1, loss: looking });
  const expected = await learned(false, { epochs: 1 });
  t.is(replays, 0);
  t.deepEqual(losses, expected.losses);
});

onCard('a batch of another shape is started op by op between replayed ones', needed, async (t) => {
  const results = async (kind: 'replayed' | 'started') => {
    const model = new Trainable(graph()).to('cuda');
    const options: train.StepOptions = {
      ...{ model, loss: train.crossEntropy(), metrics: [], momentum: 0.1, seed: 1, accumulate: 1 },
      optimizer: train.sgd().start(model.parameters),
      enter: train.sampleFit(model.graph, samples()),
    };
    const captured = new train.CapturedSteps(options);
    const found: train.StepResult[] = [];
    for (const [step, count] of [8, 8, 8, 8, 3, 8].entries()) {
      const batch = {
        data: random([count, 1, 28, 28], 0, 1, step).to('cuda'),
        labels: Tensor.from(Int32Array.from({ length: count }, (_, i) => i % 10)).to('cuda'),
      };
      const start = kind === 'replayed' ? captured.start(batch, step, 0.01) : train.startStep(options, batch, step, 0.01);
      found.push((await start)());
    }
    captured.forget();
    return found;
  };
  await counted(async (counts) => {
    t.deepEqual(await results('replayed'), await results('started'));
    t.is(counts.submitPlan, 4);
  });
});

onCard('a number that no op has made is the same in every step', needed, async (t) => {
  const five: train.Metric = { name: 'five', higherIsBetter: true, sum: () => Tensor.scalar(5 * batchSize, 'float32', 'cuda') };
  const { history } = await fit(network(), samples(), { epochs: 1, batchSize, device: 'cuda', metrics: [five, train.accuracy] });
  t.is(history[0].training.five, 5);
});

onCard('what is noted leaves nothing behind', needed, async (t) => {
  const before = memory().tensors;
  const model = network();
  await fit(model, samples(), { epochs: 2, batchSize, device: 'cuda' });
  model.dispose();
  t.is(memory().tensors, before);
});
