import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { dataset, exportOnnx, fit, importOnnx, memory, nn, Trainable, threads, traceModule, train } from 'lowbit';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { bytesOf } from '../ops/case.js';
import { smallDigits, smallNetwork } from './networks.js';

const stateOf = (model: Trainable) => [...model.state()].map(([name, tensor]) => [name, bytesOf(tensor.data()).toString('base64')]);

/** Two classes of noise around two points, which any network tells apart. */
function points(count = 64, spoil?: (values: Float32Array) => void) {
  const values = new Float32Array(count * 4);
  for (let i = 0; i < values.length; i++) values[i] = Math.sin(i * 12.9898) * 0.5 + (Math.floor(i / 4) % 2 ? 1 : -1);
  spoil?.(values);
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  const gather = (numbers: Uint32Array) => ({
    values: Float32Array.from([...numbers].flatMap((n) => [...values.subarray(4 * n, 4 * n + 4)])),
    labels: Int32Array.from(numbers, (n) => labels[n]),
  });
  return dataset({ description: 'points', length: count, hasLabels: true, shape: [4], dtype: 'float32', gather });
}

const perceptron = () => {
  const random = new nn.Random(3);
  return new nn.Sequential(new nn.Linear(4, 8, { random }), new nn.Tanh(), new nn.Linear(8, 2, { random }));
};

test('a network learns, in place, and goes out as ONNX', async (t) => {
  const module = smallNetwork();
  const { model, history, steps, stopped } = await fit(module, smallDigits(640), {
    epochs: 8,
    batchSize: 32,
    optimizer: train.adamw({ rate: 0.01 }),
    validation: smallDigits(200, 2),
  });
  t.deepEqual([steps, stopped, history.length], [8 * 20, undefined, 8]);
  t.true(history.at(-1)!.validation!.accuracy > 0.6, JSON.stringify(history.at(-1)));
  t.true(history.at(-1)!.training.loss < history[0].training.loss / 1.5);
  t.is(model.state().get('0.weight'), module.state().get('0.weight'), 'the tensors of the module');
  const file = join(temporaryFolder(), 'digits.onnx');
  exportOnnx(model.graph, file);
  const again = new Trainable(importOnnx(file));
  const metrics = [train.accuracy];
  const loss = train.crossEntropy();
  const before = await train.validate({ model, loss, metrics }, smallDigits(200, 2), 32);
  t.deepEqual(before, history.at(-1)!.validation);
  const after = await train.validate({ model: again, loss, metrics }, smallDigits(200, 2), 50);
  t.true(Math.abs(after.loss - before.loss) < 1e-5);
});

test('two runs at a time do not disturb each other', async (t) => {
  const run = (seed: number) => fit(smallNetwork(seed), smallDigits(64), { epochs: 2, batchSize: 16, seed });
  const alone = [stateOf((await run(1)).model), stateOf((await run(2)).model)];
  const together = await Promise.all([run(1), run(2)]);
  t.deepEqual(
    together.map(({ model }) => stateOf(model)),
    alone,
  );
});

test('a signal that has fired before: nothing happens', async (t) => {
  const module = smallNetwork();
  const before = [...module.state().values()].map((tensor) => tensor.toNumbers());
  await faultsLater(t, () => fit(module, smallDigits(), { epochs: 1, batchSize: 16, signal: AbortSignal.abort() }), 'aborted', /training/);
  t.deepEqual(
    [...module.state().values()].map((tensor) => tensor.toNumbers()),
    before,
  );
});

test('the thread count leaves no trace', async (t) => {
  const run = async (count: number) => {
    threads(count);
    const { model } = await fit(smallNetwork(), smallDigits(64), { epochs: 2, batchSize: 32, augment: { crop: {}, flip: true } });
    return stateOf(model);
  };
  const one = await run(1);
  t.deepEqual(await run(2), one);
  t.deepEqual(await run(3), one);
  threads(2);
});

test.serial('memory stays flat over steps', async (t) => {
  const seen: number[] = [];
  await fit(smallNetwork(), smallDigits(64), {
    epochs: 100,
    batchSize: 8,
    validation: smallDigits(16, 2),
    callbacks: [{ name: 'count', onStep: () => void seen.push(memory().tensors) }],
  });
  t.is(seen.length, 800);
  // Two batches of two tensors are prepared ahead, sooner or later; a leak of one tensor a step would be 784.
  const most = Math.max(...seen.slice(0, 16)) + 4;
  t.true(
    seen.slice(16).every((tensors) => tensors <= most),
    `${most} tensors at first, ${Math.max(...seen)} later`,
  );
});

test('it is stopped by a signal and goes on as if it had not been', async (t) => {
  const folder = temporaryFolder();
  const options = { epochs: 4, batchSize: 16, optimizer: train.sgd({ rate: 0.05, nesterov: true }), augment: { crop: {} } };
  const whole = await fit(smallNetwork(), smallDigits(), options);
  const abort = new AbortController();
  const stop: train.Callback = { name: 'stop', onStep: (_run, { step }) => (step === 9 ? abort.abort() : undefined) };
  const half = fit(smallNetwork(), smallDigits(), {
    ...options,
    callbacks: [train.checkpoints(folder), stop],
    signal: abort.signal,
  });
  await faultsLater(t, () => half, 'aborted', /training Sequential was stopped/);
  const seen: number[] = [];
  const rest = await fit(smallNetwork(7), smallDigits(), {
    ...options,
    callbacks: [train.checkpoints(folder), { name: 'seen', onStep: (_run, { step }) => void seen.push(step) }],
    resume: folder,
  });
  t.is(seen[0], 10);
  t.deepEqual(stateOf(rest.model), stateOf(whole.model));
  const numbers = (result: train.FitResult) => result.history.map(({ epoch, training }) => ({ epoch, training }));
  t.deepEqual(numbers(rest), numbers(whole));
});

test('a checkpoint of another run is refused', async (t) => {
  const folder = temporaryFolder();
  const callbacks = [train.checkpoints(folder)];
  await fit(smallNetwork(), smallDigits(), { epochs: 1, batchSize: 16, callbacks });
  const resume = (more: Partial<train.FitOptions>, module = smallNetwork()) =>
    fit(module, smallDigits(), { epochs: 2, batchSize: 16, resume: folder, ...more });
  await faultsLater(t, () => resume({ batchSize: 8 }), 'option', /batchSize is 8, expected 16 because the run in .* began with that/);
  await faultsLater(t, () => resume({ seed: 1 }), 'option', /seed/);
  await faultsLater(t, () => resume({ optimizer: train.adam() }), 'option', /option optimizer is "name: adam.* expected name: sgd/);
  await faultsLater(t, () => resume({ schedule: train.cosine() }), 'option', /schedule is "cosine/);
  await faultsLater(t, () => resume({}, smallNetwork(0, 5)), 'data', /other parameters/);
  await faultsLater(t, () => resume({ resume: temporaryFolder() }), 'file', /there is no checkpoint here/);
});

test('parts of a batch add up to the batch', async (t) => {
  const run = (accumulate: number) => fit(perceptron(), points(), { epochs: 2, batchSize: 16, accumulate });
  const [whole, parts] = [await run(1), await run(4)];
  for (const [name, tensor] of whole.model.parameters) {
    const other = parts.model.parameters.get(name)!.toNumbers();
    // Sums of 16 terms in another order, a few steps long, of numbers around 1.
    t.true(
      tensor.toNumbers().every((x, i) => Math.abs(x - other[i]) < 1e-5),
      name,
    );
  }
});

test('what is frozen stays, batch statistics of a frozen norm too', async (t) => {
  const module = smallNetwork();
  const graph = traceModule(module, [1, 28, 28]);
  const model = new Trainable(graph, { freeze: ['0.*', '1.*'] });
  t.deepEqual([...model.parameters.keys()], ['3.weight', '4.weight', '4.bias', '8.weight', '8.bias']);
  const before = new Map([...module.state()].map(([name, tensor]) => [name, tensor.toNumbers()]));
  await fit(model, smallDigits(), { epochs: 1, batchSize: 16 });
  for (const [name, numbers] of before) {
    const now = model.graph.constantOf(model.graph.find(name))!.toNumbers();
    if (name.startsWith('0') || name.startsWith('1')) t.deepEqual(now, numbers, name);
    else t.notDeepEqual(now, numbers, name);
  }
  t.deepEqual(
    [...module.state()].map(([, tensor]) => tensor.toNumbers()),
    [...before.values()],
    'the module keeps its own',
  );
});

test('a step that is not finite changes nothing and says where it began', async (t) => {
  const spoiled = points(64, (values) => {
    values[4 * 20] = Number.NaN;
  });
  const options = { epochs: 1, batchSize: 16, optimizer: train.sgd({ rate: 0.1 }) };
  await faultsLater(
    t,
    () => fit(perceptron(), spoiled, options),
    'data',
    /step \d \(epoch 1\): the loss is NaN.*first value that is not finite is "input"/,
  );
  const skipped: train.NonFinite[] = [];
  const { model, steps } = await fit(perceptron(), spoiled, {
    ...options,
    callbacks: [train.nanGuard({ onSkipped: (report) => skipped.push(report) })],
  });
  t.is(steps, 4);
  t.is(skipped.length, 1);
  t.true([...model.state().values()].every((tensor) => tensor.toNumbers().every(Number.isFinite)));
  const wild = { ...options, optimizer: train.sgd({ rate: 1e38 }), epochs: 20 };
  await faultsLater(
    t,
    () => fit(perceptron(), points(), wild),
    'data',
    /first value that is not finite is "[^"]+" \(\w+\)|sum of the squared|gradient of/,
  );
});

test('it stops early with the best it had', async (t) => {
  // Learns for five epochs, then loses what it has learned again and again.
  const forgetful: train.Callback = {
    name: 'forgetful',
    onEpochStart: ({ epoch, model }) => (epoch > 5 ? model.parameters.get('2.weight')!.write(new Float32Array(16)) : undefined),
    onStep: ({ epoch, model }) => (epoch > 5 ? model.parameters.get('2.weight')!.write(new Float32Array(16)) : undefined),
  };
  const { history, stopped, model } = await fit(perceptron(), points(), {
    epochs: 50,
    batchSize: 16,
    validation: points(32),
    callbacks: [train.earlyStop({ patience: 3 }), forgetful],
  });
  t.is(history.length, 8);
  t.regex(stopped ?? '', /validation loss has not been better than .* for 3 epochs/);
  const best = Math.min(...history.map(({ validation }) => validation!.loss));
  const now = await train.validate({ model, loss: train.crossEntropy(), metrics: [] }, points(32), 16);
  t.is(now.loss, best);
});

test('the event loop is free while it computes', async (t) => {
  const data = smallDigits(512);
  for await (const _ of data.batches(512)); // drawn now
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  // A step of a hundred milliseconds or more, nearly all of it off the thread.
  const wide = new nn.Sequential(
    new nn.Conv2d(1, 64, 5, { padding: 2 }),
    new nn.ReLU(),
    new nn.Conv2d(64, 64, 5, { padding: 2 }),
    new nn.GlobalAveragePool(),
    new nn.Flatten(),
    new nn.Linear(64, 10),
  );
  const { steps } = await fit(wide, data, { epochs: 1, batchSize: 128 });
  clearInterval(timer);
  t.true(turns >= 3 * steps, `${turns} turns in ${steps} steps`);
});

test('the log has a line an epoch', async (t) => {
  const path = join(temporaryFolder(), 'log.csv');
  await fit(perceptron(), points(), { epochs: 3, batchSize: 16, validation: points(), callbacks: [train.csvLog(path)] });
  t.true(existsSync(path));
  const [head, ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  t.is(head, 'epoch,step,rate,loss,accuracy,validation loss,validation accuracy,seconds,samples/s');
  t.deepEqual(
    lines.map((line) => line.split(',').slice(0, 2).join()),
    ['1,4', '2,8', '3,12'],
  );
});

test('progress counts down', async (t) => {
  const seen: train.TrainingProgress[] = [];
  await fit(perceptron(), points(), { epochs: 2, batchSize: 16, callbacks: [train.progress((now) => seen.push(now), 0)] });
  t.deepEqual(
    seen.map(({ epoch, stepInEpoch }) => [epoch, stepInEpoch]),
    [1, 2].flatMap((epoch) => [1, 2, 3, 4].map((step) => [epoch, step])),
  );
  t.is(seen.at(-1)!.secondsLeft, 0);
  t.true(seen[0].samplesPerSecond > 0 && seen[0].secondsLeft > 0);
});

test('mistakes in the options', async (t) => {
  const run = (options: object) => () => fit(perceptron(), points(), { epochs: 1, batchSize: 16, ...options });
  await faultsLater(t, run({ epoch: 2 }), 'unknownOption', /unknown option "epoch", did you mean "epochs"/);
  await faultsLater(t, run({ epochs: 0 }), 'option', /epochs is 0/);
  await faultsLater(t, run({ batchSize: 65 }), 'option', /at most the 64 samples/);
  await faultsLater(t, run({ accumulate: 3 }), 'option', /a divisor of the batch size/);
  await faultsLater(t, run({ clipNorm: -1 }), 'option', /clipNorm/);
  await faultsLater(t, run({ callbacks: [train.nanGuard(), train.nanGuard()] }), 'option', /each callback once/);
  t.throws(() => train.sgd({ momentum: 2 }), { message: /momentum is 2, expected a number from 0 to 1/ });
  t.throws(() => train.adamw({ betas: [0.9, 1] }), { message: /betas\[1\]/ });
  const graph = traceModule(perceptron(), [4]);
  t.throws(() => new Trainable(graph, { parameters: '0.wieght' }), { message: /did you mean|a name like "0.weight"/ });
  t.throws(() => new Trainable(graph, { freeze: '*' }), { message: /no constants to learn/ });
  const graphOfFour = new Trainable(traceModule(perceptron(), [4]));
  await faultsLater(t, () => fit(graphOfFour, smallDigits(), { epochs: 1, batchSize: 16 }), 'data', /do not fit input/);
});
