import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { LowbitError, printConfig, resolveConfig } from 'lowbit';

const least = `model: { name: resnet20 }
data: { train: 'cifar10:data' }
`;

test('a short configuration gets every default', async (t) => {
  t.deepEqual(await resolveConfig(least, '/place/first.yaml'), {
    model: { name: 'resnet20', classes: 10, seed: 0, shortcut: 'pad' },
    data: {
      train: { source: 'cifar10:/place/data', split: null, skip: 0, limit: null, seed: null, labels: null },
      validation: null,
      scale: null,
      mean: null,
      std: null,
      bgr: null,
      resize: null,
      text: null,
      label: null,
      columns: null,
      length: null,
      vocabulary: null,
      crop: null,
      size: null,
    },
    augment: { crop: null, flip: false, cutout: 0 },
    loss: { name: 'crossEntropy', labelSmoothing: 0 },
    optimizer: {
      ...{ name: 'sgd', rate: 0.1, momentum: 0.9, dampening: 0, nesterov: false },
      ...{ weightDecay: 0, decayNorms: false, groups: [] },
    },
    schedule: { name: 'constant', warmUp: null },
    epochs: 10,
    batchSize: 128,
    accumulate: 1,
    seed: 0,
    clipNorm: null,
    statisticsMomentum: 0.1,
    skipNonFinite: 0,
    device: 'cpu',
    precision: 'float32',
    threads: null,
    parameters: null,
    freeze: [],
    checkpoint: { every: { epochs: 1 }, keep: 2 },
    earlyStop: null,
    output: '/place/runs/first',
  });
});

const full = `# every part is said
model: { name: mobilenetV2, classes: 100, width: 0.5, stem: cifar }
data:
  train: { source: 'images:../pictures', labels: train.csv, limit: 5000 }
  validation: images:/elsewhere
  mean: [0.49, 0.48, 0.45]
  std: 0.25
  resize: 36
  crop: 32
augment: { crop: { mode: reflect, size: [30, 30] }, flip: true, cutout: 8 }
loss: { name: crossEntropy, labelSmoothing: 0.1 }
optimizer:
  name: adamw
  rate: 2e-3
  betas: [0.9, 0.95]
  groups: [{ parameters: ['features.*'], rate: 0.1 }]
schedule: { name: stepDecay, at: { epochs: [30, 60] }, warmUp: { epochs: 1.5 } }
epochs: 90
seed: 7
clipNorm: 1.5
freeze: [classifier.bias]
checkpoint: { every: { steps: 500 }, keep: 3 }
earlyStop: { metric: validation accuracy }
output: out
`;

test('a name alone stands for its group', async (t) => {
  const config = await resolveConfig("model: resnet20\ndata: { train: 'cifar10:data' }\noptimizer: adam\nschedule: cosine", 'a.yaml');
  t.deepEqual(
    [config.model.name, config.optimizer.name, config.schedule],
    ['resnet20', 'adam', { name: 'cosine', warmUp: null, final: 0 }],
  );
});

test('what is said is kept, short forms are written out, paths are relative to the file', async (t) => {
  const config = await resolveConfig(full, '/place/sub/full.yaml');
  t.deepEqual(config.model, { name: 'mobilenetV2', classes: 100, width: 0.5, stem: 'cifar', seed: 7 });
  t.is(config.data.train.source, 'images:/place/pictures');
  t.is(config.data.train.labels, '/place/sub/train.csv');
  t.is(config.data.validation!.source, 'images:/elsewhere');
  t.deepEqual(config.data.mean, [0.49, 0.48, 0.45]);
  t.is(config.data.std, 0.25);
  t.deepEqual(config.augment.crop, { padding: 4, mode: 'reflect', size: [30, 30] });
  t.is(config.optimizer.rate, 0.002);
  t.deepEqual(config.optimizer.groups, [{ parameters: ['features.*'], rate: 0.1, weightDecay: null }]);
  t.deepEqual(config.schedule, { name: 'stepDecay', gamma: 0.1, at: { epochs: [30, 60] }, warmUp: { epochs: 1.5, from: 0.01 } });
  t.is(config.earlyStop!.metric, 'validation accuracy');
  t.is(config.output, '/place/sub/out');
  const short = await resolveConfig(`${least}augment: { crop: 2 }`, '/a.yaml');
  t.deepEqual(short.augment.crop, { padding: 2, mode: 'zero', size: null });
  const tuned = await resolveConfig('model: { name: onnx, path: m.onnx }\ndata: { train: digits:100 }', '/place/a.yaml');
  t.deepEqual(tuned.model, { name: 'onnx', path: '/place/m.onnx' });
  t.is(tuned.data.train.source, 'digits:100');
});

test('a printed configuration reads as the same one, from any folder', async (t) => {
  for (const content of [least, full]) {
    const config = await resolveConfig(content, '/place/sub/full.yaml');
    const printed = await printConfig(config);
    t.deepEqual(await resolveConfig(printed, '/some/where/else.yaml'), config);
  }
  t.regex(await printConfig(await resolveConfig(full, '/a.yaml')), /^ {2}mean: \[ 0\.49, 0\.48, 0\.45 \]$/m);
});

async function refused(t: ExecutionContext, content: string, ...lines: RegExp[]): Promise<void> {
  const error = await t.throwsAsync(resolveConfig(content, 'train.yaml'), { instanceOf: LowbitError });
  t.is(error.code, 'data');
  const came = error.message.split('\n');
  t.is(came.length, lines.length, error.message);
  for (const [i, line] of lines.entries()) t.regex(came[i], line);
}

const mistakes: [what: string, content: string, ...lines: RegExp[]][] = [
  [
    'a word for a number',
    `${least}optimizer:\n  name: sgd\n  rate: 0.1\n  momentum: high\n`,
    /^train\.yaml:6:3: optimizer\.momentum is "high", expected a number from 0 to 1\.$/,
  ],
  [
    'a number out of range',
    `${least}loss: { name: crossEntropy, labelSmoothing: 1 }`,
    /:3:29: loss\.labelSmoothing is 1, expected a number from 0 and below 1\.$/,
  ],
  ['a precision that there is not', `${least}precision: fp16`, /:3:1: precision is "fp16", expected one of float32, tf32, bf16\.$/],
  ['half an epoch', `${least}epochs: 2.5`, /:3:1: epochs is 2\.5, expected a whole number from 1\.$/],
  ['an infinite rate', `${least}optimizer: { name: sgd, rate: .inf }`, /optimizer\.rate is Infinity, expected a number from 0\.$/],
  ['null for a number', `${least}epochs:`, /:3:1: epochs is null, expected a whole number from 1\.$/],
  ['a number for a word', 'model: { name: lenet5 }\ndata: { train: 3 }', /:2:9: data\.train is 3, expected a group of source, split/],
  ['a misspelled key', `${least}epoch: 3`, /^train\.yaml:3:1: epoch is unknown \(did you mean "epochs"\?\)\.$/],
  ['an unknown key', `${least}frobnicate: 3`, /:3:1: frobnicate is unknown \(known: model, data, augment,/],
  [
    'an option of another optimizer',
    `${least}optimizer: { name: adam, momentum: 0.9 }`,
    /:3:26: optimizer\.momentum is an option of sgd, not of adam\.$/,
  ],
  [
    'an option of another model',
    'model:\n  name: vggSmall\n  stem: cifar\ndata: { train: digits:9 }',
    /:3:3: model\.stem is an option of resnet18, not of vggSmall/,
  ],
  [
    'an unknown option of a choice',
    `${least}optimizer: { name: adam, rat: 1 }`,
    /optimizer\.rat is unknown for adam \(did you mean "rate"\?\)/,
  ],
  [
    'a choice that there is not',
    `${least}optimizer: { name: sdg }`,
    /:3:14: optimizer\.name is "sdg", expected one of sgd, adam, adamw\.$/,
  ],
  ['no choice', `${least}optimizer: { rate: 1 }`, /:3:1: optimizer\.name is missing, expected one of sgd, adam, adamw\.$/],
  ['a wrong name alone', `${least}optimizer: adagrad`, /:3:1: optimizer\.name is "adagrad", expected one of sgd, adam, adamw\.$/],
  ['a choice that is no group', `${least}optimizer: 3`, /:3:1: optimizer is 3, expected one of sgd, adam, adamw\.$/],
  [
    'a kind of data that there is not',
    'model: { name: lenet5 }\ndata: { train: cifar:x }',
    /:2:9: data\.train\.source is "cifar:x", expected KIND:PATH with/,
  ],
  [
    'a length in two units',
    `${least}schedule: { name: stepDecay, every: { steps: 1, epochs: 2 } }`,
    /:3:30: schedule\.every is \{ steps, epochs \}, expected one of steps, epochs, fraction\.$/,
  ],
  [
    'a warm-up without a length',
    `${least}schedule: { name: cosine, warmUp: { from: 0 } }`,
    /schedule\.warmUp is \{ from \}, expected a length/,
  ],
  ['drops at two kinds of places', `${least}schedule: { name: stepDecay }`, /schedule is \{ name \}, expected one of every and at/],
  [
    'dampening with nesterov',
    `${least}optimizer: { name: sgd, nesterov: true, dampening: 0.1 }`,
    /:3:41: optimizer\.dampening is 0\.1, expected 0 with nesterov/,
  ],
  ['one beta', `${least}optimizer: { name: adam, betas: [0.9] }`, /optimizer\.betas is \[0\.9\], expected two numbers, like/],
  [
    'a beta of 1',
    `${least}optimizer:\n  name: adam\n  betas:\n    - 0.9\n    - 1\n`,
    /:7:7: optimizer\.betas\.1 is 1, expected a number from 0 and below 1\.$/,
  ],
  ['one number for a window', `${least}augment: { crop: { size: [3] } }`, /augment\.crop\.size is \[3\], expected \[height, width\]/],
  [
    'words for channels',
    'model: { name: lenet5 }\ndata: { train: digits:9, mean: [a] }',
    /data\.mean is \["a"\], expected a number, or a list/,
  ],
  [
    'several mistakes, in the order of the file',
    'data: { trian: digits:9 }\nepochs: 0\nmodel: { name: lenet5, classes: ten, channel: 1 }\n',
    /^train\.yaml:1:1: data\.train is missing, expected a group of/,
    /^train\.yaml:1:9: data\.trian is unknown \(did you mean "train"\?\)/,
    /^train\.yaml:2:1: epochs is 0, /,
    /^train\.yaml:3:24: model\.classes is "ten", expected a whole number from 1\.$/,
    /^train\.yaml:3:38: model\.channel is unknown for lenet5 \(did you mean "channels"\?\)/,
  ],
  ['nothing', '', /^train\.yaml:1:1: the configuration is null, expected a group of model, data/],
  ['a list', '- model', /^train\.yaml:1:1: the configuration is \["model"\], expected a group/],
  ['a key twice', `${least}epochs: 3\nepochs: 4`, /^train\.yaml:4:1: not valid YAML: Map keys must be unique/],
  ['a bracket that stays open', 'model: { name: lenet5\n', /^train\.yaml:2:1: not valid YAML: /],
  ['an alias of nothing', 'model: *m', /^train\.yaml:1:1: not valid YAML: Unresolved alias/],
  ['a tag', 'model: !net lenet5', /^train\.yaml:1:8: not valid YAML: Unresolved tag: !net/],
  [
    'a group that contains itself',
    'model: &m { name: *m }\ndata: { train: digits:9 }',
    /^train\.yaml:1:13: model\.name is \{ name \}, expected one of lenet5/,
  ],
];

for (const [what, content, ...lines] of mistakes) test(`${what} is refused`, (t) => refused(t, content, ...lines));

test('the packages behind it are not loaded with lowbit', (t) => {
  const seen = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    if (!file.startsWith('file:')) return;
    const imports = readFileSync(new URL(file), 'utf8').matchAll(/^(?:im|ex)port [^;]*?from '([^']+)'/gm);
    for (const [, name] of imports) visit(name.startsWith('.') ? new URL(name, file).href : name);
  };
  visit(import.meta.resolve('lowbit'));
  t.true(seen.size > 100 && seen.has('node:fs'));
  for (const name of ['yaml', 'zod']) t.false(seen.has(name), name);
});
