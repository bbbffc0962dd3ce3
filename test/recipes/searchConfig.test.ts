import test, { type ExecutionContext } from 'ava';
import { LowbitError, resolveSearchConfig, slb, slbPresets } from 'lowbit';
import { checkSameSearch, searchConfigOf, slbOptionsOf } from '../../lib/recipes/searchConfig.js';
import { printConfig } from '../../lib/recipes/trainConfig.js';

const least = `model: { name: onnx, path: net.onnx }
data: { train: digits:100 }
`;
const read = (more = '') => resolveSearchConfig(least + more, '/place/first.yaml');

test('a short configuration gets every default', async (t) => {
  const { optimizer, logits, schedule, epochs, batchSize, augment, search, distillation, weights, output, model } = await read();
  t.deepEqual(
    [optimizer, logits].map(({ name, rate, weightDecay }) => [name, rate, weightDecay]),
    [
      ['sgd', 0.02, 1e-4],
      ['adam', 0.005, 0],
    ],
  );
  t.true(optimizer.name === 'sgd' && optimizer.nesterov);
  t.deepEqual([schedule.name, epochs, batchSize, weights, distillation], ['cosine', 10, 128, 'int8', { temperature: 2, weight: 1 }]);
  t.deepEqual(augment, { crop: null, flip: false, cutout: 0 });
  t.deepEqual([model, output], [{ name: 'onnx', path: '/place/net.onnx' }, '/place/runs/first']);
  const { weightBits, epochs: _epochs, ...defaults } = slb({ epochs: 10 }).settings;
  t.deepEqual(search, { preset: null, ...defaults, weightBits: [weightBits] });
});

test('presets are the options of slb, what is said goes before', async (t) => {
  for (const [name, preset] of Object.entries(slbPresets)) {
    const config = await read(`epochs: 40\nsearch: { preset: ${name}, temperature: { endTime: 0.95 }, activationBits: 8 }`);
    const temperature = { ...preset.temperature, endTime: 0.95 };
    t.deepEqual(slb(slbOptionsOf(config, 1)).settings, slb({ ...preset, temperature, activationBits: 8, epochs: 40 }).settings, name);
  }
  t.is((await read('search: { preset: paper, init: pretrained }')).search.init, 'pretrained');
});

test('bits are one number or a list', async (t) => {
  t.deepEqual((await read('search: { weightBits: 2 }')).search.weightBits, [2]);
  t.deepEqual((await read('search: { weightBits: [4, 2, 1] }')).search.weightBits, [4, 2, 1]);
});

test('a printed configuration reads as the same one', async (t) => {
  const more = "seed: 5\nsearch: { preset: goldenStick, weightBits: [4, 1], exclude: ['a.*'], bnCalibration: full }\ndistillation: null\n";
  for (const config of [await read(), await read(more)]) {
    t.deepEqual(await resolveSearchConfig(await printConfig(config), '/else/where.yaml'), config);
  }
});

test('plain values are read as YAML is', async (t) => {
  const values = { model: { name: 'onnx', path: 'net.onnx' }, data: { train: { source: 'digits:100', limit: undefined } }, output: 'out' };
  const { output, ...config } = await searchConfigOf(values, 'search');
  const { output: _other, ...same } = await resolveSearchConfig(least, 'first.yaml');
  t.deepEqual(config, same);
  t.regex(output, /\/out$/);
  const wrong = { ...values, data: { train: 'cifar:x' }, search: { weightBits: [5] } };
  const error = await t.throwsAsync(searchConfigOf(wrong, 'search'));
  const [first, second] = error!.message.split('\n');
  t.regex(first, /^search: data\.train\.source is "cifar:x", expected KIND:PATH with one of the kinds/);
  t.is(second, 'search: search.weightBits.0 is 5, expected one of 1, 2, 3, 4.');
});

test('what was begun goes on with the same options', async (t) => {
  const begun = await read('search: { weightBits: [2] }');
  t.notThrows(() => checkSameSearch(begun, begun, 'there'));
  const other = { ...begun, search: { ...begun.search, temperature: { ...begun.search.temperature, factor: 1.2 } } };
  const message = /search: option search\.temperature\.factor is 1\.2, expected 1\.5 because/;
  t.throws(() => checkSameSearch(other, begun, 'there'), { message });
  const free = { ...begun, threads: 3, output: '/x', search: { ...begun.search, weightBits: [4, 2] as (2 | 4)[] } };
  t.notThrows(() => checkSameSearch(free, begun, 'there'));
});

async function refused(t: ExecutionContext, more: string, ...lines: RegExp[]): Promise<void> {
  const error = await t.throwsAsync(resolveSearchConfig(least + more, 'search.yaml'), { instanceOf: LowbitError });
  const came = error!.message.split('\n');
  t.is(came.length, lines.length, error!.message);
  for (const [i, line] of lines.entries()) t.regex(came[i], line);
}

const mistakes: [what: string, more: string, ...lines: RegExp[]][] = [
  ['a misspelled section', 'logit: adam', /^search\.yaml:3:1: logit is unknown \(did you mean "logits"\?\)\.$/],
  [
    'a misspelled option',
    'search:\n  wieghtBits: 1',
    /^search\.yaml:4:3: search\.wieghtBits is unknown \(did you mean "weightBits"\?\)\.$/,
  ],
  ['a misspelled time', 'search: { temperature: { strat: 1 } }', /search\.temperature\.strat is unknown \(did you mean "start"\?\)/],
  ['bits that there are not', 'search: { weightBits: [4, 5] }', /:3:27: search\.weightBits\.1 is 5, expected one of 1, 2, 3, 4\.$/],
  ['bits twice', 'search: { weightBits: [4, 4] }', /search\.weightBits is \[4, 4\], expected a list in which each number of bits/],
  ['no bits', 'search: { weightBits: [] }', /search\.weightBits is \[\], expected a list in which/],
  ['words for bits', 'search: { weightBits: few }', /search\.weightBits is "few", expected 1, 2, 3, 4, or a list of these/],
  ['activations of 9 bits', 'search: { activationBits: 9 }', /search\.activationBits is 9, expected a whole number from 1 to 8\.$/],
  ['a factor that softens', 'search: { temperature: { factor: 0.9 } }', /search\.temperature\.factor is 0\.9, expected a number from 1\.$/],
  ['a calibration of nothing', 'search: { bnCalibration: 0 }', /search\.bnCalibration is 0, expected false, full, or a number of batches/],
  ['another preset', 'search: { preset: gold }', /search\.preset is "gold", expected one of goldenStick, paper\.$/],
  [
    'a ramp that ends before it begins',
    'search: { temperature: { startTime: 0.2 } }',
    /slb: option temperature\.endTime is 0\.1, expected from startTime, 0\.2/,
  ],
  [
    'a grid with 0 for one bit',
    'search: { weightBits: [2, 1], grid: zero }',
    /slb: option grid is "zero", expected "uniform" because one bit/,
  ],
  [
    'more epochs done than there are',
    'search: { trainedEpochs: 10 }',
    /slb: option trainedEpochs is 10, expected a whole number from 0, below the 10/,
  ],
  ['a rate of 0', 'optimizer: { name: sgd, rate: 0 }', /optimizer\.rate is 0, expected a number above 0: the schedule scales/],
  ['a teacher without warmth', 'distillation: { temperature: 0 }', /distillation\.temperature is 0, expected a number above 0\.$/],
  ['a form of weights', 'weights: int2', /weights is "int2", expected one of int8, int4, packed\.$/],
];

for (const [what, more, ...lines] of mistakes) test(`${what} is refused`, (t) => refused(t, more, ...lines));

test('a network that has not learned teaches nothing', async (t) => {
  const yaml = 'model: lenet5\ndata: { train: digits:9 }\n';
  t.is((await resolveSearchConfig(yaml, 'a.yaml')).distillation, null);
  const error = await t.throwsAsync(resolveSearchConfig(`${yaml}distillation: {}\n`, 'a.yaml'), { instanceOf: LowbitError });
  t.regex(error!.message, /option distillation is .*, expected null because lenet5 has nothing to teach before it has learned/);
});
