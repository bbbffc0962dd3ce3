import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test from 'ava';
import { exportOnnx, Graph, relu } from 'lowbit';
import { temporaryFolder } from '../folder.js';
import { lowbitNet } from '../graph/lowbit.js';
import { calibrated, smallNetwork } from '../recipes/models.js';
import { wellFormed } from '../report/html.js';
import { interrupted, json, lowbit } from './lowbit.js';

const folder = temporaryFolder();

test.before(async () => {
  exportOnnx(smallNetwork(), join(folder, 'float.onnx'));
  exportOnnx(lowbitNet({ bits: 1 }), join(folder, 'packed.onnx'), { weights: 'packed' });
  exportOnnx(await calibrated(smallNetwork()), join(folder, 'int8.onnx'));
});

const keys = (data: object) => Object.keys(data).sort();
const narrow = (text: string) => text.split('\n').every((line) => line.length <= 80);

test('inspect', async (t) => {
  const { code, data } = await json(folder, ['inspect', 'float.onnx']);
  t.is(code, 0);
  t.deepEqual(keys(data), [
    'bytes',
    'bytesByKind',
    'codedWeights',
    'float',
    'inputs',
    'macs',
    'operators',
    'outputs',
    'parameters',
    'quantizable',
    'quantized',
  ]);
  t.is(data.macs, 11286);
  const larger = await json(folder, ['inspect', 'float.onnx', '--shape', 'image=2,1,28,28']);
  t.is(larger.data.macs, 2 * 11286);
  const { stdout, stderr } = await lowbit(folder, ['inspect', 'float.onnx']);
  t.regex(stdout, /^conv +conv2d +9\.13 k +80\.86 % +60$/m);
  t.is(stderr, '');
  t.true(narrow(stdout), stdout);
});

test('quantize, eval, verify: the way of a model', async (t) => {
  const out = 'made.onnx';
  const made = await json(folder, ['quantize', 'float.onnx', '--data', 'digits:60', '--calibration', '30', '-o', out]);
  t.is(made.code, 0);
  t.deepEqual(keys(made.data), [
    ...['bytesAfter', 'bytesBefore', 'calibrationSamples', 'floatLayers', 'layers', 'output', 'quantizedLayers', 'rounding', 'steps'],
  ]);
  t.is(made.data.bytesBefore, statSync(join(folder, 'float.onnx')).size);
  t.is(made.data.bytesAfter, statSync(join(folder, out)).size);
  t.is(made.data.quantizedLayers, 2);
  t.is(made.data.calibrationSamples, 30);
  t.deepEqual(made.data.floatLayers, []);

  const measured = await json(folder, ['eval', out, '--data', 'digits:50', '--skip', '10', '--limit', '20', '--batch', '7']);
  t.is(measured.code, 0);
  t.deepEqual(keys(measured.data), ['mode', 'samples', 'samplesPerSecond', 'top1', 'top5']);
  t.is(measured.data.samples, 20);
  t.is(measured.data.mode, 'integer');
  const simulated = await json(folder, ['eval', out, '--data', 'digits:50', '--skip', '10', '--limit', '20', '--simulate']);
  t.is(simulated.data.mode, 'simulate');
  t.is(simulated.data.top5, measured.data.top5);

  for (const data of [[], ['--data', 'digits:10']]) {
    const verified = await json(folder, ['verify', out, '--samples', '3', ...data]);
    t.is(verified.code, 0);
    t.deepEqual(keys(verified.data), ['equal', 'onnxruntime', 'rows', 'samples']);
    t.true(verified.data.equal);
    t.is(verified.data.samples, 3);
  }
  t.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith(`.${basename(out)}`)), // other tests write beside
    [],
  );
});

test('bench', async (t) => {
  const quick = ['--threads', '1', '--time', '0.01'];
  const { code, data } = await json(folder, ['bench', 'int8.onnx', '--batch', '1,2', ...quick, '-o', 'bench.json', '--html', 'bench.html']);
  t.is(code, 0);
  t.deepEqual(keys(data), [
    ...['ceilings', 'features', 'limit', 'missing', 'model', 'processor', 'ranges', 'results', 'slower', 'versions'],
  ]);
  const results = (data.results as { runtime: string; steps: object[] }[]).filter(({ runtime }) => runtime === 'lowbit');
  t.is(results.length, 4);
  t.deepEqual(keys(results[0]), [
    ...['batch', 'cpuMs', 'form', 'gops', 'medianMs', 'ofPeak', 'p90Ms', 'p99Ms', 'runs', 'runtime', 'steps', 'threads', 'throughput'],
  ]);
  t.deepEqual(keys(results[0].steps[0]), ['gops', 'macs', 'milliseconds', 'name', 'ofPeak', 'ofTotal', 'op', 'shape']);
  t.deepEqual(JSON.parse(readFileSync(join(folder, 'bench.json'), 'utf8')), data);
  const page = readFileSync(join(folder, 'bench.html'), 'utf8');
  t.regex(
    page,
    /<h1>int8\.onnx<\/h1>[\s\S]*lowbit int8, batch 2, 1 thread[\s\S]*<summary>fp32, batch 1, 1 thread<\/summary>[\s\S]*class="bar"/,
  );
  t.notRegex(page, /NaN|undefined|Infinity|https?:|<script|src=/);

  const { stdout, stderr } = await lowbit(folder, ['bench', 'float.onnx', ...quick, '--layers']);
  t.is(stderr, '');
  t.true(narrow(stdout), stdout);
  t.regex(
    stdout,
    /^batch 1, 1 thread\n +median ms +p90 ms +p99 ms +CPU ms +samples\/s +of peak +× fp32\nlowbit fp32 .* 1\.00\nlowbit int8 /,
  );
  t.regex(stdout, /\nquantized for this on random inputs: times are right, answers are not\n/);
  t.regex(
    stdout,
    /\nfp32, batch 1, 1 thread:\nlayer +op +output +MACs +µs +GOP\/s +of peak +of all\n.*conv2d\w* +1×\d+×\d+×\d+ +[\d.]+ k +[\d.]+ /,
  );
  t.regex(
    stdout,
    /\n\n(Nothing here is slower|Slower[^\n]*:\n {2}\w+, batch 1, 1 thread: takes \d+\.\d\d times as long as lowbit|onnxruntime)/,
  );
  const limited = await json(folder, ['bench', 'float.onnx', ...quick, '--forms', 'FP32']);
  t.is((limited.data.results as { form: string }[]).filter(({ form }) => form !== 'fp32').length, 0);
});

test('doctor', async (t) => {
  const { code, data } = await json(folder, ['doctor']);
  t.is(code, 0);
  t.deepEqual(keys(data), ['addon', 'cuda', 'cudaProblem', 'node', 'packages', 'platform', 'problem', 'version']);
  t.deepEqual(keys(data.packages as object), ['onnxruntime-node', 'sharp']);
  t.is(data.problem, null);
});

test('LOWBIT_CPU leaves older instructions, and takes no name that nobody knows', async (t) => {
  const cpu = async (LOWBIT_CPU: string) => (await lowbit(folder, ['doctor'], { env: { LOWBIT_CPU } })).stdout;
  t.regex(await cpu('any'), /^cpu +no vector extensions\n.*\nqconv2d +reference$/m);
  const env = { LOWBIT_CPU: 'any' };
  const { stdout } = await lowbit(folder, ['bench', 'float.onnx', '--threads', '1', '--time', '0.01'], { env });
  t.regex(stdout, /^lowbit int8 .* {2}- +[\d.]+\n/m); // no share of a peak
  t.regex(stdout, /LOWBIT_CPU=any/);
  t.regex(await cpu('sse'), /LOWBIT_CPU is "sse", expected one of any, avx2, /);
});

test('demo', async (t) => {
  const place = temporaryFolder();
  const { code, data } = await json(place, ['demo', '-o', 'deep/er']);
  t.is(code, 0);
  const { fp32, int8, verification } = data as Record<string, { accuracy: number; bytes: number; equal?: boolean; path: string }>;
  t.true(fp32.accuracy >= 0.98, String(fp32.accuracy));
  t.true(int8.accuracy > fp32.accuracy - 0.01, String(int8.accuracy));
  t.true(int8.bytes < fp32.bytes / 2.5);
  t.true(verification.equal);
  t.true(existsSync(join(place, 'deep/er/digits.onnx')) && existsSync(join(place, 'deep/er/digits.int8.onnx')));
  const { stdout } = await lowbit(place, ['demo']);
  t.regex(stdout, /^ {2}epoch 4\/4 {2}loss [\d.]+ {2}accuracy [\d.]+ %$/m);
  t.regex(stdout, /verified: the same bytes from all kernels/);
  t.true(narrow(stdout), stdout);
});

test('Ctrl-C stops the demo', async (t) => {
  const place = temporaryFolder();
  const { code, stderr } = await lowbit(place, ['demo'], interrupted(500));
  t.is(code, 130);
  t.is(stderr, 'now error: training DigitReader was stopped with Ctrl-C.\n');
});

const mistakes: [string, string[], number, RegExp][] = [
  ['an unknown command', ['evl', 'float.onnx'], 2, /unknown command 'evl'\n\(Did you mean eval\?\)/],
  ['an unknown option', ['quantize', 'float.onnx', '--exlude', 'x'], 2, /unknown option '--exlude'\n\(Did you mean --exclude\?\)/],
  ['a missing argument', ['inspect'], 2, /missing required argument 'model'/],
  ['a missing option', ['eval', 'float.onnx'], 2, /required option '--data <kind:path>' not specified/],
  ['two modes', ['eval', 'int8.onnx', '--data', 'digits:9', '--float', '--integer'], 2, /'--(float|integer)' cannot be used with option/],
  [
    'a target without --auto',
    ['quantize', 'float.onnx', '--data', 'digits:9', '-o', 'x.onnx', '--max-drop', '1'],
    2,
    /maxDrop is 1, expected to be left out/,
  ],
  ['a size that is none', ['quantize', 'float.onnx', '--data', 'digits:9', '-o', 'x.onnx', '--max-size', 'few'], 2, /like 400kB or 60%/],
  ['a time that is none', ['quantize', 'float.onnx', '--data', 'digits:9', '-o', 'x.onnx', '--max-latency', '2'], 2, /like 2ms/],
  [
    'widths without a limit',
    ['quantize', 'float.onnx', '--data', 'digits:9', '-o', 'x.onnx', '--bits', '8,4'],
    2,
    /neither maxSize nor maxLatency/,
  ],
  [
    'a size that nothing has',
    ['quantize', 'float.onnx', '--data', 'digits:9', '-o', 'x.onnx', '--max-size', '1kB'],
    2,
    /the network takes \d+ bytes with 2 bits/,
  ],
  ['a table of no kind', ['sensitivity', 'float.onnx', '--data', 'digits:9', '-o', 'x.txt'], 2, /a file \.csv or \.json/],
  ['a mode that the model lacks', ['eval', 'float.onnx', '--data', 'digits:9', '--integer'], 2, /small has no quantized values/],
  [
    'a value that is not a number',
    ['eval', 'float.onnx', '--data', 'digits:9', '--limit', 'ten'],
    2,
    /'ten' is invalid. Expected a number/,
  ],
  ['a form that there is not', ['bench', 'float.onnx', '--forms', 'int8,w3a8'], 2, /Expected some of fp32, int8, w4a8/],
  [
    'figures over the model',
    ['bench', 'float.onnx', '-o', 'float.onnx'],
    2,
    /output is "float\.onnx", expected another file than the model/,
  ],
  ['a page in no folder', ['bench', 'float.onnx', '--html', 'none/a.html'], 3, /there is no folder/],
  ['a number below the least', ['bench', 'float.onnx', '--batch', '1,0'], 2, /'1,0' is invalid. Expected a whole number from 1/],
  [
    'a choice that does not exist',
    ['quantize', 'float.onnx', '--data', 'digits:9', '-o', 'x.onnx', '--observer', 'max'],
    2,
    /choices are minmax/,
  ],
  ['an unknown data set', ['eval', 'float.onnx', '--data', 'digit:9'], 2, /spec is "digit:9", expected digits:/],
  ['an option of another data set', ['eval', 'float.onnx', '--data', 'digits:9', '--crop', '8'], 2, /unknown option "crop"/],
  [
    'a layer that does not exist',
    ['quantize', 'float.onnx', '--data', 'digits:9', '-o', 'x.onnx', '--exclude', 'cnv'],
    2,
    /did you mean "conv"/,
  ],
  [
    'bits that are no number',
    ['quantize', 'float.onnx', '--data', 'digits:9', '-o', 'x.onnx', '--weight-bits', 'conv=few'],
    2,
    /Expected a number/,
  ],
  ['a shape of no input', ['inspect', 'float.onnx', '--shape', 'x=1'], 2, /"x", expected one of the inputs image/],
  ['a shape without a name', ['inspect', 'float.onnx', '--shape', '1,2'], 2, /Expected input=sizes/],
  [
    'the model as output',
    ['quantize', 'float.onnx', '--data', 'digits:9', '-o', './float.onnx'],
    2,
    /expected another file than the model/,
  ],
  ['a missing model', ['inspect', 'nowhere.onnx'], 3, /nowhere\.onnx: there is no such file or folder/],
  ['a file that is no model', ['inspect', 'notes.txt'], 3, /notes\.txt: not a valid onnx file/],
  [
    'a missing output folder',
    ['quantize', 'float.onnx', '--data', 'digits:9', '-o', 'no/x.onnx'],
    3,
    /no\/x\.onnx: there is no folder .*no\. Create it/,
  ],
  ['a folder as output', ['quantize', 'float.onnx', '--data', 'digits:9', '-o', '.'], 3, /this is a folder, expected a file/],
  ['a quantized model', ['quantize', 'int8.onnx', '--data', 'digits:9', '-o', 'x.onnx'], 3, /the model is quantized already/],
  ['nothing to quantize', ['quantize', 'relu.onnx', '--data', 'digits:9', '-o', 'x.onnx'], 3, /nothing to quantize/],
  ['a float model to verify', ['verify', 'float.onnx'], 3, /float\.onnx: the model has no quantized values.*Quantize it first/],
  ['samples that do not fit', ['eval', 'relu.onnx', '--data', 'digits:9'], 3, /samples of shape \[1, 28, 28\] do not fit input "x"/],
  ['samples without labels', ['eval', 'float.onnx', '--data', 'npy:x.npy'], 3, /its samples have no labels/],
];

test.before(() => {
  const graph = new Graph('relu');
  graph.output('y', graph.add(relu, [graph.input('x', { dtype: 'float32', shape: [Number.NaN, 5] })]));
  exportOnnx(graph, join(folder, 'relu.onnx'));
  writeFileSync(join(folder, 'notes.txt'), 'this is no model');
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 28, 28), }".padEnd(117);
  writeFileSync(
    join(folder, 'x.npy'),
    Buffer.concat([Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'), Buffer.from(`${header}\n`), Buffer.alloc(4 * 784)]),
  );
});

for (const [what, args, exit, message] of mistakes) {
  test(`${what} ends with ${exit}`, async (t) => {
    const { code, stdout, stderr } = await lowbit(folder, args);
    t.is(code, exit, stderr);
    t.regex(stderr, message);
    t.is(stdout, '');
    const asJson = await json(folder, args);
    t.is(asJson.code, exit);
    t.deepEqual(keys(asJson.data), ['error']);
    const error = asJson.data.error as { code: string; message: string };
    t.regex(error.message, message);
    t.is(typeof error.code, 'string');
    t.false(existsSync(join(folder, 'x.onnx')));
  });
}

test('the model is not touched by a refused output', async (t) => {
  const before = readFileSync(join(folder, 'float.onnx'));
  await lowbit(folder, ['quantize', 'float.onnx', '--data', 'digits:9', '-o', 'float.onnx']);
  t.deepEqual(readFileSync(join(folder, 'float.onnx')), before);
});

test('help and version end with 0', async (t) => {
  for (const args of [['--help'], ['help', 'eval'], ['quantize', '-h'], ['--version']]) {
    const { code, stdout, stderr } = await lowbit(folder, args);
    t.is(code, 0);
    t.is(stderr, '');
    t.true(narrow(stdout), stdout);
  }
  const { code, stderr } = await lowbit(folder, []);
  t.is(code, 2);
  t.regex(stderr, /Usage: lowbit/);
});

test('Ctrl-C ends with 130', async (t) => {
  const args = ['eval', 'int8.onnx', '--simulate', '--batch', '1', '--data', 'digits:1000000'];
  // The process says when it starts to listen for Ctrl-C.
  const announce = "process.on('newListener', (event) => event === 'SIGINT' && process.stderr.write('listening '))";
  const { code, stderr, stdout } = await lowbit(folder, args, {
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(announce)}` },
    onStderr: (text, pid) => text.startsWith('listening') && process.kill(pid, 'SIGINT'),
  });
  t.is(code, 130);
  t.regex(stderr, /^listening error: .* was stopped with Ctrl-C/);
  t.is(stdout, '');
});

test('compare', async (t) => {
  const { code, data } = await json(folder, ['compare', 'float.onnx', 'int8.onnx', '--data', 'digits:20', '--samples', '6']);
  t.is(code, 0);
  t.deepEqual(keys(data), ['outputs', 'samples', 'tensors']);
  t.is(data.samples, 6);
  const { stdout } = await lowbit(folder, ['compare', 'float.onnx', 'int8.onnx', '--samples', '2', '--sort', 'sqnr']);
  t.true(narrow(stdout), stdout);
  t.regex(stdout, /^relu +\d+\.\d +[01]\.\d+ +\S+ +\S+ +codes$/m);
  t.regex(stdout, /^output logits: \d+\.\d dB over 2 samples$/m);
  const equal = await lowbit(folder, ['compare', 'float.onnx', 'float.onnx', '--samples', '1']);
  t.regex(equal.stdout, /^output logits: equal over 1 samples?$/m);
});

test('report', async (t) => {
  const { code, data } = await json(folder, [
    'report',
    'float.onnx',
    'int8.onnx',
    '--data',
    'digits:20',
    '--samples',
    '6',
    '-o',
    'page.html',
  ]);
  t.is(code, 0);
  t.deepEqual(keys(data), ['accuracy', 'json', 'output', 'outputs']);
  t.is(data.json, 'page.json');
  const record = JSON.parse(readFileSync(join(folder, 'page.json'), 'utf8'));
  const page = readFileSync(join(folder, 'page.html'), 'utf8');
  t.is(wellFormed(page), undefined);
  for (const { sqnr } of record.layers) t.true(page.includes(`<b>${sqnr.toFixed(1)}</b>`));
  t.is(record.accuracy.quantized.samples, 20);

  const two = await json(folder, ['report', 'page.json', 'page.json', '-o', 'two.html']);
  t.is(two.code, 0);
  t.deepEqual(keys(two.data), ['output', 'runs']);
  t.deepEqual((two.data.runs as unknown[])[1], { name: 'page.json', outputs: record.outputs, accuracy: record.accuracy });
  t.is(wellFormed(readFileSync(join(folder, 'two.html'), 'utf8')), undefined);
  writeFileSync(join(folder, 'other.json'), '{}');
  t.is((await lowbit(folder, ['report', 'page.json', 'other.json', '-o', 'two.html'])).code, 3);
  t.is((await lowbit(folder, ['report', 'float.onnx', 'page.json', '-o', 'two.html'])).code, 2); // --data is missing
  const refused = await lowbit(folder, ['report', 'float.onnx', 'int8.onnx', '--data', 'digits:20', '-o', 'int8.onnx']);
  t.is(refused.code, 2);
});
