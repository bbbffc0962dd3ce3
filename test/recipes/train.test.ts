import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { evaluate, importOnnx, nn, openDataset, readTrained, resolveConfig, type TrainConfig, train, trainModel } from 'lowbit';
import { Types } from '../../lib/graph/types.js';
import { modelOf, openSamples, optimizerOf, scheduleOf } from '../../lib/recipes/trainParts.js';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';

const small = `model: { name: lenet5 }
data: { train: 'digits:320', validation: 'digits:100' }
augment: { crop: 1 }
optimizer: { name: adam, rate: 0.004 }
schedule: { name: cosine, warmUp: { steps: 3 } }
epochs: 3
batchSize: 32
seed: 4
checkpoint: { every: { steps: 4 }, keep: 20 }
`;

const place = temporaryFolder();
const config = (output: string, more = '') => resolveConfig(`${small}${more}output: ${output}\n`, join(place, 'run.yaml'));
const at = (...path: string[]) => join(place, ...path);

test.before(async () => void (await trainModel(await config('whole'))));

test('a run leaves its configuration, log, checkpoints, model and report', async (t) => {
  const expected = await config('whole');
  t.deepEqual(readdirSync(at('whole')).sort(), [
    'checkpoints',
    'config.yaml',
    'log.csv',
    'model.onnx',
    'model.safetensors',
    'report.html',
    'report.json',
  ]);
  t.deepEqual(await resolveConfig(readFileSync(at('whole', 'config.yaml'), 'utf8'), '/else/where.yaml'), expected);
  t.is(readFileSync(at('whole', 'log.csv'), 'utf8').trim().split('\n').length, 1 + 3);
  t.is(readdirSync(at('whole', 'checkpoints')).length, 8); // after steps 4, 8, ... 28 and at the end
  const report = JSON.parse(readFileSync(at('whole', 'report.json'), 'utf8'));
  t.deepEqual(Object.keys(report), ['versions', 'model', 'samples', 'options', 'results', 'times']);
  t.deepEqual(report.samples, { train: 320, validation: 100 });
  t.deepEqual({ ...report.options, output: expected.output }, expected);
  t.deepEqual(report.model, { name: 'lenet5', parameters: 61706 });
  t.is(report.results.steps, 30);
  t.is(report.results.stopped, null);
  const accuracies = report.results.epochs.map(({ validation }: { validation: { accuracy: number } }) => validation.accuracy);
  t.is(report.results.best.value, Math.max(...accuracies));
  t.true(accuracies.at(-1) > 0.5, `${accuracies}`);
});

test('the model that is read from a run, its checkpoint or its ONNX file is the one that was validated', async (t) => {
  const { results } = JSON.parse(readFileSync(at('whole', 'report.json'), 'utf8'));
  const validation = await openDataset('digits:100', { seed: 2 });
  const newest = join(at('whole', 'checkpoints'), readdirSync(at('whole', 'checkpoints')).sort().at(-1)!);
  const models = [importOnnx(at('whole', 'model.onnx'))];
  for (const folder of [at('whole'), at('whole', 'checkpoints'), newest]) models.push(await readTrained(folder, validation));
  for (const model of models) t.is((await evaluate(model, validation)).top1, results.epochs.at(-1).validation.accuracy);
});

test('a run that was stopped and resumed ends with the same bytes', async (t) => {
  const stopped = await config('stopped');
  const controller = new AbortController();
  const written: string[] = [];
  const onCheckpoint = (path: string) => {
    written.push(path);
    if (written.length === 3) controller.abort();
  };
  await faultsLater(t, () => trainModel(stopped, { signal: controller.signal, onCheckpoint }), 'aborted', /training lenet5 was stopped/);
  t.false(existsSync(at('stopped', 'report.json')));
  const validation = await openDataset('digits:100', { seed: 2 });
  await t.notThrowsAsync(readTrained(at('stopped'), validation)); // from its newest checkpoint
  await faultsLater(t, () => trainModel(stopped), 'file', /stopped: there is a run in this folder already\. Go on with it \(--resume\)/);
  const { results } = await trainModel(stopped, { resume: true });
  t.deepEqual(JSON.parse(JSON.stringify(results)), JSON.parse(readFileSync(at('whole', 'report.json'), 'utf8')).results);
  for (const file of ['model.safetensors', 'model.onnx'])
    t.deepEqual(readFileSync(at('stopped', file)), readFileSync(at('whole', file)), file);
});

test('a run goes on in another folder, from a checkpoint', async (t) => {
  const elsewhere = await config('elsewhere');
  const { results } = await trainModel(elsewhere, { resume: at('whole', 'checkpoints', 'step-000000012') });
  t.is(results.steps, 30);
  t.deepEqual(readFileSync(at('elsewhere', 'model.safetensors')), readFileSync(at('whole', 'model.safetensors')));
});

test('early stopping decides what is best', async (t) => {
  const early = await config('early', 'earlyStop: { patience: 0, minDelta: 100 }\n');
  const { results } = await trainModel(early);
  t.is(results.epochs.length, 2);
  t.is(results.best.metric, 'validation loss');
  t.regex(results.stopped!, /validation loss has not been better/);
});

test('an ONNX model is fine-tuned, frozen parameters stay', async (t) => {
  const names = [...importOnnx(at('whole', 'model.onnx')).constants.keys()].map(({ name }) => name);
  const frozen = names.find((name) => name.startsWith('conv1'))!;
  const tuning = `model: { name: onnx, path: whole/model.onnx }
data: { train: 'digits:64' }
freeze: ['conv*']
epochs: 1
batchSize: 32
output: tuned
`;
  await trainModel(await resolveConfig(tuning, at('tuning.yaml')));
  const values = (file: string, name: string) => {
    const graph = importOnnx(at(file, 'model.onnx'));
    return graph.constantOf(graph.find(name))!.toNumbers();
  };
  t.deepEqual(values('tuned', frozen), values('whole', frozen));
  t.notDeepEqual(values('tuned', 'fc3.bias'), values('whole', 'fc3.bias'));
  const samples = await openDataset('digits:10');
  t.is((await readTrained(at('tuned'), samples)).outputs.length, 1);
});

test('folders that are no run are refused', async (t) => {
  const samples = await openDataset('digits:10');
  await faultsLater(
    t,
    () => readTrained(temporaryFolder(), samples),
    'file',
    /this is no folder of a training run: there is no config\.yaml/,
  );
  const begun = temporaryFolder({ 'config.yaml': readFileSync(at('whole', 'config.yaml')) });
  await faultsLater(t, () => readTrained(begun, samples), 'file', /there is no trained model and no checkpoint/);
  await faultsLater(t, async () => trainModel(await config('fresh'), { resume: true }), 'file', /there is no checkpoint here/);
  rmSync(at('fresh'), { recursive: true });
});

const least = 'model: { name: lenet5 }\ndata: { train: digits:20 }\n';
const configured = (more: string): Promise<TrainConfig> => resolveConfig(`${least}${more}`, at('a.yaml'));

test('defaults of the file are those of the functions', async (t) => {
  for (const [name, make] of Object.entries({ sgd: train.sgd, adam: train.adam, adamw: train.adamw })) {
    const { optimizer } = await configured(`optimizer: { name: ${name} }`);
    const { groups, ...options } = optimizerOf(optimizer).options;
    t.deepEqual(groups, []);
    t.deepEqual(options, { ...make().options }, name);
  }
  for (const [name, make] of Object.entries(train.schedules)) {
    const every = name === 'stepDecay' ? { every: { epochs: 3 } } : {};
    const { schedule } = await configured(`schedule: ${JSON.stringify({ name, ...every })}`);
    t.is(String(scheduleOf(schedule)), String(make(every as never)));
    const warm = await configured(`schedule: ${JSON.stringify({ name, ...every, warmUp: { epochs: 2 } })}`);
    t.is(String(scheduleOf(warm.schedule)), `warmUp(${make(every as never)}, { epochs: 2, from: 0.01 })`);
  }
});

test('every network of nn.models has its options', async (t) => {
  const error = await t.throwsAsync(resolveConfig('model: { name: none }\ndata: { train: digits:20 }', 'a.yaml'));
  const names = /expected one of ([^.]*)\./.exec(error!.message)![1].split(', ');
  t.deepEqual(names.sort(), [...Object.keys(nn.models), 'onnx'].sort());
});

async function built(t: ExecutionContext, model: string, data: string, shape: readonly number[]): Promise<void> {
  const configuration = await resolveConfig(`model: ${model}\ndata: { train: '${data}' }`, at('a.yaml'));
  const samples = { ...(await openSamples(configuration.data)).train, shape };
  const graph = modelOf(configuration, samples).graph;
  t.is(graph.name, configuration.model.name);
  t.is(new Types(graph).get(graph.outputs[0].value)!.shape.at(-1), 7, model);
}

test('options of networks arrive', async (t) => {
  await built(t, '{ name: lenet5, classes: 7, channels: 3 }', 'digits:9', [3, 28, 28]);
  await built(t, '{ name: resnet8, classes: 7, shortcut: project }', 'digits:9', [3, 32, 32]);
  await built(t, '{ name: mobilenetV1, classes: 7, width: 0.1, stem: cifar }', 'digits:9', [3, 32, 32]);
  await built(t, '{ name: mobilenetV2, classes: 7, width: 0.1, stem: cifar }', 'digits:9', [3, 32, 32]);
});

test('training and validation samples are other ones where nothing is said', async (t) => {
  const record = new Uint8Array(3073);
  const folder = temporaryFolder({ 'data_batch_1.bin': Buffer.concat([record, record]), 'test_batch.bin': record });
  const cifar = await resolveConfig(
    `model: { name: resnet8 }\ndata: { train: 'cifar10:${folder}', validation: 'cifar10:${folder}' }`,
    at('a.yaml'),
  );
  t.is((await openSamples(cifar.data)).train.length, 2);
  t.is((await openSamples(cifar.data)).validation!.length, 1);
  const digits = await resolveConfig('model: { name: lenet5 }\ndata: { train: digits:5, validation: digits:5 }', at('a.yaml'));
  const [first, second] = await Promise.all(
    (['train', 'validation'] as const).map(async (role) => (await openSamples(digits.data))[role]!.gather([0])),
  );
  t.notDeepEqual(first.values, second.values);
});

test('an encoder reads texts, with the words and labels of the training file', async (t) => {
  const lines = (words: string[]) => words.map((word, i) => `${word} film number ${i}\t${word === 'bad' ? 'no' : 'yes'}`).join('\n');
  const folder = temporaryFolder({
    'train.tsv': lines(Array.from({ length: 40 }, (_, i) => (i % 2 ? 'good' : 'bad'))),
    'test.tsv': lines(['good', 'bad', 'good']),
  });
  const yaml = [
    'model: { name: encoder, width: 8, heads: 2, layers: 1, dropout: 0 }',
    "data: { train: 'text:train.tsv', validation: 'text:test.tsv', length: 6, vocabulary: 20 }",
    'optimizer: { name: adam, rate: 0.02 }',
    'epochs: 6',
    'batchSize: 8',
    'output: run',
  ];
  const config = await resolveConfig(yaml.join('\n'), join(folder, 'a.yaml'));
  const { results, model } = await trainModel(config);
  t.is(
    model.parameters,
    20 * 8 + 6 * 8 + 2 * 8 + (4 * 72 + 16 + 8 * 32 + 32 + 32 * 8 + 8 + 16) + 72 + 18,
    'embeddings and biases are learned',
  );
  t.is(results.epochs.at(-1)!.validation!.accuracy, 1);
  const { train: samples } = await openSamples(config.data);
  t.deepEqual(samples.shape, [6]);
  t.true(existsSync(join(folder, 'run', 'tokenizer.json')));
});
