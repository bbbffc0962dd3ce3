import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  evaluate,
  exportOnnx,
  fit,
  importOnnx,
  isQuantized,
  lowerInteger,
  openDataset,
  resolveSearchConfig,
  type SearchConfig,
  type SearchesReport,
  type SearchOptions,
  type SearchReport,
  searchModel,
  train,
} from 'lowbit';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { smallDigits, smallNetwork } from '../train/networks.js';

const place = temporaryFolder();
const at = (...path: string[]) => join(place, ...path);
const json = <T>(...path: string[]): T => JSON.parse(readFileSync(at(...path), 'utf8'));

const small = `model: { name: onnx, path: float.onnx }
data: { train: 'digits:160', validation: 'digits:60' }
augment: { crop: 1 }
epochs: 4
batchSize: 32
checkpoint: { every: { steps: 3 } }
`;
const ramp = 'temperature: { startTime: 0.2, endTime: 0.6, factor: 1.2 }';
const two = `search: { weightBits: [2, 1], activationBits: 8, activation: { delay: 5 }, ${ramp} }\n`;

const config = (output: string, more = two) => resolveSearchConfig(`${small}${more}output: ${output}\n`, at('search.yaml'));
/** The options of a configuration, as reports have them. */
const optionsOf = ({ output: _folder, ...options }: SearchConfig) => options;

let whole: SearchesReport;

test.before(async () => {
  const optimizer = train.adam({ rate: 0.01 });
  const { model } = await fit(smallNetwork(), smallDigits(640), { epochs: 3, batchSize: 32, optimizer });
  exportOnnx(model.graph, at('float.onnx'));
  whole = await searchModel(await config('whole'));
});

test('searches leave their configuration, and each a folder with models, log, page and report', async (t) => {
  t.deepEqual(readdirSync(at('whole')).sort(), ['config.yaml', 'report.json', 'w1a8', 'w2a8']);
  for (const folder of ['w1a8', 'w2a8']) {
    const expected = ['checkpoints', 'log.csv', 'model.onnx', 'model.safetensors', 'packed.onnx', 'report.html', 'report.json'];
    t.deepEqual(readdirSync(at('whole', folder)).sort(), expected);
  }
  const resolved = await config('whole');
  t.deepEqual(await resolveSearchConfig(readFileSync(at('whole', 'config.yaml'), 'utf8'), '/else/where.yaml'), resolved);
  t.deepEqual(JSON.parse(JSON.stringify(whole)), json('whole', 'report.json'));
  t.deepEqual(
    whole.results.map(({ name, folder }) => [name, folder]),
    [
      ['fp32', null],
      ['W2 A8', 'w2a8'],
      ['W1 A8', 'w1a8'],
    ],
  );
  const report = json<SearchReport>('whole', 'w1a8', 'report.json');
  t.deepEqual(Object.keys(report), [
    ...['versions', 'model', 'title', 'samples', 'options', 'layers', 'float', 'warnings', 'results', 'times'],
  ]);
  t.deepEqual(report.options, optionsOf(resolved));
  t.deepEqual(report.samples, { train: { description: 'digits:160', count: 160 }, validation: { description: 'digits:60', count: 60 } });
  t.deepEqual(report.results.epochs.length, 4);
});

test('bytes are those of the files, by kind', (t) => {
  const { layers, float, results } = json<SearchReport>('whole', 'w1a8', 'report.json');
  // The middle layer, 8·3·3·4 weights: 36 bits a channel are 8 bytes.
  t.deepEqual(
    layers.map(({ bits, weights, bytes, floatBytes }) => [bits, weights, bytes, floatBytes]),
    [[1, 288, 64, 1152]],
  );
  t.deepEqual(float, []); // the others have int8 weights where activations have codes
  t.is(results.after.bytesByKind['1-bit'], 64);
  t.is(results.after.bytes, statSync(at('whole', 'w1a8', 'packed.onnx')).size);
  // 4·9 + 288 + 10·392 weights, 4 + 8 + 10 biases that hold the normalizations.
  t.is(results.before.bytesByKind.float32, 4 * (36 + 288 + 3920 + 22));
  t.is(results.after.bytesByKind.int8 - (36 + 3920), 4 + 8 + 10); // zero points
});

test('the accuracies are those of the files that were written', async (t) => {
  const validation = await openDataset('digits:60', { seed: 2 });
  const float = await evaluate(importOnnx(at('float.onnx')), validation);
  t.is(whole.results[0].accuracy, float.top1);
  for (const { folder, accuracy, bytes } of whole.results.slice(1)) {
    for (const file of ['model.onnx', 'packed.onnx']) {
      const { top1, mode } = await evaluate(importOnnx(at('whole', folder!, file)), validation);
      t.deepEqual([top1, mode], [accuracy, 'integer'], file);
    }
    const ops = lowerInteger(importOnnx(at('whole', folder!, 'packed.onnx'))).graph.nodes.map(({ op }) => op.name);
    t.true(ops.includes('lowbitConv2d'), `${ops}`);
    t.true(bytes < whole.results[0].bytes);
  }
  t.true(float.top1 > 0.5, `${float.top1}`);
  t.true(whole.results[2].accuracy! > 0.5, `${whole.results[2].accuracy}`);
});

test('the log has soft and decided numbers, temperature and mode', (t) => {
  const [header, ...lines] = readFileSync(at('whole', 'w1a8', 'log.csv'), 'utf8')
    .trim()
    .split('\n');
  t.deepEqual(header.split(','), [
    ...['epoch', 'step', 'rate', 'loss', 'accuracy', 'validation loss', 'validation accuracy', 'soft loss', 'soft accuracy'],
    ...['temperature', 'mode', 'confidence', 'flip rate', 'seconds', 'samples/s'],
  ]);
  const column = (name: string) => lines.map((line) => line.split(',')[header.split(',').indexOf(name)]);
  // s = trunc(0.2·4) = 0, e = trunc(0.6·4) = 2; a tail at temperature 1.
  t.deepEqual(column('mode'), ['soft', 'straightThrough', 'straightThrough', 'straightThrough']);
  t.deepEqual(column('temperature'), ['1.2', '1', '1', '1']);
  t.deepEqual(
    column('soft accuracy').map((value) => value !== ''),
    [true, false, false, false],
  );
  const { epochs } = json<SearchReport>('whole', 'w1a8', 'report.json').results;
  t.is(Number(column('soft accuracy')[0]), epochs[0].search.soft!.accuracy);
  t.is(column('flip rate')[0], '');
  t.is(Number(column('flip rate')[1]), epochs[1].search.layers[0].flipRate);
  t.is(Number(column('confidence')[1]), epochs[1].search.layers[0].confidence);
});

/** Everything but times, which differ. */
function equalRuns(t: ExecutionContext, name: string): void {
  const { times: _mine, ...mine } = json<SearchesReport>(name, 'report.json');
  const { times: _theirs, ...theirs } = json<SearchesReport>('whole', 'report.json');
  t.deepEqual(mine, theirs);
  for (const folder of ['w2a8', 'w1a8']) {
    t.deepEqual(json<SearchReport>(name, folder, 'report.json').results, json<SearchReport>('whole', folder, 'report.json').results);
    for (const file of ['model.onnx', 'packed.onnx', 'model.safetensors'])
      t.deepEqual(readFileSync(at(name, folder, file)), readFileSync(at('whole', folder, file)), `${folder}/${file}`);
  }
}

test('searches that were stopped, in the first and in the second, end with the same bytes', async (t) => {
  const stopped = await config('stopped');
  const until = (title: string, checkpoints: number): SearchOptions => {
    const controller = new AbortController();
    let now = '';
    let left = checkpoints;
    const onCheckpoint = () => {
      if (now === title && --left === 0) controller.abort();
    };
    return { signal: controller.signal, onSearch: (plan) => (now = plan.title), onCheckpoint };
  };
  await faultsLater(t, () => searchModel(stopped, until('W2 A8', 2)), 'aborted', /was stopped/);
  await faultsLater(t, () => searchModel(stopped), 'file', /stopped: there is a run in this folder already\. Go on with it \(--resume\)/);
  await faultsLater(t, () => searchModel(stopped, { ...until('W1 A8', 3), resume: true }), 'aborted', /was stopped/);
  t.true(existsSync(at('stopped', 'w2a8', 'report.json')));
  t.false(existsSync(at('stopped', 'w1a8', 'report.json')));
  const seen: string[] = [];
  await searchModel(stopped, {
    resume: true,
    onFinished: (title) => seen.push(`${title} is done`),
    onSearch: ({ title }) => seen.push(title),
    onResume: ({ steps }) => seen.push(`after ${steps} steps`),
  });
  t.deepEqual(seen, ['W2 A8 is done', 'W1 A8', 'after 9 steps']);
  equalRuns(t, 'stopped');
});

test('killed before its report is there, a search ends with its last checkpoint; what is done is not repeated', async (t) => {
  cpSync(at('whole'), at('killed'), { recursive: true });
  for (const file of ['model.onnx', 'packed.onnx', 'report.json']) rmSync(at('killed', 'w1a8', file));
  rmSync(at('killed', 'report.json'));
  const steps: number[] = [];
  const before = statSync(at('killed', 'w2a8', 'report.json')).mtimeMs;
  await searchModel(await config('killed'), { resume: true, onProgress: () => steps.push(1) });
  t.deepEqual(steps, []);
  t.is(statSync(at('killed', 'w2a8', 'report.json')).mtimeMs, before);
  equalRuns(t, 'killed');
  // Before its first checkpoint there is nothing to go on from: it begins again.
  rmSync(at('killed', 'w1a8'), { recursive: true });
  mkdirSync(at('killed', 'w1a8', 'checkpoints'), { recursive: true });
  await searchModel(await config('killed'), { resume: true });
  equalRuns(t, 'killed');
});

test('searches go on with the options they began with, more bits and other threads apart', async (t) => {
  cpSync(at('whole'), at('longer'), { recursive: true });
  const resume = (more: string) => config('longer', more).then((changed) => searchModel(changed, { resume: true }));
  const other = two.replace('delay: 5', 'delay: 6');
  await faultsLater(t, () => resume(other), 'option', /option search\.activation\.delay is 6, expected 5 because the searches in .*longer/);
  await faultsLater(t, () => resume(`${two}distillation: null\n`), 'option', /option distillation is null, expected \{"temperature":2/);
  await faultsLater(t, () => resume(`${two}clipNorm: 1\n`), 'option', /option clipNorm is 1, expected null/);
  const { results } = await resume(`threads: 1\n${two.replace('[2, 1]', '[2, 1, 4]')}`);
  t.deepEqual(
    results.map(({ name }) => name),
    ['fp32', 'W2 A8', 'W1 A8', 'W4 A8'],
  );
  await faultsLater(t, async () => searchModel(await config('nowhere'), { resume: true }), 'file', /there is no search in this folder/);
  t.false(existsSync(at('nowhere')));
});

test('a network from nothing is searched from random logits, without a teacher and without an accuracy before', async (t) => {
  const yaml =
    "model: lenet5\ndata: { train: 'digits:64' }\nepochs: 2\nbatchSize: 32\nweights: int4\nsearch: { exclude: ['fc1'] }\noutput: scratch\n";
  const scratch = await resolveSearchConfig(yaml, at('scratch.yaml'));
  t.is(scratch.distillation, null);
  t.is(scratch.search.init, 'random');
  const { results, samples } = await searchModel(scratch);
  t.is(samples.validation, null);
  t.deepEqual(
    results.map(({ name, accuracy }) => [name, accuracy]),
    [
      ['fp32', null],
      ['W1', null],
    ],
  );
  const report = json<SearchReport>('scratch', 'w1', 'report.json');
  t.deepEqual(
    report.layers.map(({ name }) => name),
    ['conv2', 'fc2'],
  );
  t.deepEqual(
    report.float.map(({ name, reason }) => [name, reason]),
    [
      ['conv1', 'the first layer (quantizeFirst is false)'],
      ['fc1', 'excluded'],
      ['fc3', 'the last layer (quantizeLast is false)'],
    ],
  );
  t.deepEqual(
    report.results.after.weights.map(({ type, bits }) => [type, bits]),
    [
      ['int4', 4],
      ['int4', 4],
    ],
  );
  const packed = importOnnx(at('scratch', 'w1', 'packed.onnx'));
  t.false(isQuantized(packed));
  t.true(lowerInteger(packed).graph.nodes.some(({ op }) => op.name === 'lowbitGemmFloat'));
  t.true(readFileSync(at('scratch', 'w1', 'report.html'), 'utf8').includes('lenet5'));
});

test('a search too short for its activations is refused before it begins', async (t) => {
  const short = await config('short', 'search: { activationBits: 8 }\n');
  await faultsLater(t, () => searchModel(short), 'option', /option activation\.delay is 100, expected at most 20 because/);
  t.false(existsSync(at('short')));
});
