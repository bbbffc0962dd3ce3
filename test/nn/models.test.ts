/** Models: as many parameters as published, and the same network as a module, a graph and a file. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { importOnnx, nn, ops, print, run, scope, Tensor, toOnnx, traceModule, verify } from 'lowbit';
import { faults } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { randomNumbers } from '../ops/case.js';

const { models } = nn;
const bert = { vocabulary: 30522, length: 512 };

/** Parameters as published, or counted by hand from the published architecture. */
const published: [string, () => nn.Module, number][] = [
  ['lenet5', () => models.lenet5(), 61_706],
  ['resnet8', () => models.resnet8(), 75_290],
  ['resnet8, projected', () => models.resnet8({ shortcut: 'project' }), 78_042],
  ['resnet20', () => models.resnet20(), 269_722],
  ['resnet20, projected', () => models.resnet20({ shortcut: 'project' }), 272_474],
  ['resnet32', () => models.resnet32(), 464_154],
  ['resnet56', () => models.resnet56(), 853_018],
  ['resnet18', () => models.resnet18(), 11_689_512],
  ['resnet18, cifar', () => models.resnet18({ stem: 'cifar', classes: 10 }), 11_173_962],
  ['resnet50', () => models.resnet50(), 25_557_032],
  ['vggSmall', () => models.vggSmall(), 4_660_106],
  ['mobilenetV1', () => models.mobilenetV1(), 4_231_976],
  ['mobilenetV2', () => models.mobilenetV2(), 3_504_872],
  ['encoder, BERT-tiny without two segments, with a classifier', () => models.encoder(bert), 4_385_920 - 2 * 128 + 2 * 128 + 2],
];

for (const [name, make, count] of published) {
  test(`${name} has ${count} parameters`, (t) => {
    using model = make();
    t.is(model.parameterCount(), count);
  });
}

/** Statistics and scales as after training, so that nothing is 0 or 1 by accident. */
function unsettle(model: nn.Module): nn.Module {
  for (const [i, [name, tensor]] of [...model.state()].entries()) {
    const near = /Variance$|(bn|norm)\d?\.weight$/.test(name) ? [0.7, 1.3] : /Mean$|bias$/.test(name) ? [-0.1, 0.1] : undefined;
    if (near) tensor.write(randomNumbers(tensor.size, near[0], near[1], i + 1));
  }
  return model;
}

const small: [string, () => nn.Module, number[]][] = [
  ['lenet5', () => models.lenet5(), [1, 28, 28]],
  ['resnet8', () => models.resnet8(), [3, 32, 32]],
  ['resnet20', () => models.resnet20({ shortcut: 'project' }), [3, 32, 32]],
  ['resnet18', () => models.resnet18({ stem: 'cifar', classes: 10 }), [3, 32, 32]],
  ['resnet50', () => models.resnet50(), [3, 64, 64]],
  ['vggSmall', () => models.vggSmall(), [3, 32, 32]],
  ['mobilenetV1', () => models.mobilenetV1({ width: 0.25, classes: 2 }), [3, 96, 96]],
  ['mobilenetV2', () => models.mobilenetV2({ width: 0.5, classes: 10, stem: 'cifar' }), [3, 32, 32]],
];

for (const [name, make, shape] of small) {
  test(`${name} gives the same bytes as a module, as a graph and from its file`, (t) => {
    const model = unsettle(make());
    const graph = traceModule(model, shape);
    verify(graph);
    const batch = [3, ...shape];
    const input = Tensor.from(
      randomNumbers(
        batch.reduce((a, b) => a * b),
        -1,
        1,
        9,
      ),
      batch,
    );
    const expected = scope(() => model.forward(ops.transpose(input, { perm: [0, 2, 3, 1] })));
    t.deepEqual(run(graph, { input }).output.data(), expected.data());
    const read = importOnnx(fileOf(toOnnx(graph)));
    t.deepEqual(read.inputs[0].type?.shape, [Number.NaN, ...shape]);
    t.deepEqual(run(read, { input }).output.data(), expected.data());
    // Images are turned once; those of one channel lie the same either way.
    t.is(read.nodes.filter(({ op }) => op === ops.transpose).length, shape[0] > 1 ? 1 : 0);
    model.dispose();
  });
}

function fileOf(bytes: Uint8Array): string {
  const path = join(temporaryFolder(), 'model.onnx');
  writeFileSync(path, bytes);
  return path;
}

test('an encoder is the same as a module, as a graph and from its file, and does not see what is masked', (t) => {
  const model = unsettle(models.encoder({ vocabulary: 20, length: 6, width: 16, heads: 4, layers: 2, hidden: 24, classes: 3 }));
  const mask = Tensor.from([1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1], [2, 6]);
  const tokens = Tensor.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [2, 6], 'int64');
  const graph = traceModule(model, { tokens: { dtype: 'int64', shape: [6] }, mask: { dtype: 'float32', shape: [6] } });
  verify(graph);
  const expected = model.forward(tokens, mask);
  t.deepEqual(expected.shape, [2, 3]);
  t.deepEqual(run(graph, { tokens, mask }).output.data(), expected.data());
  // The file has dense layers of three dimensions as MatMul and Add, which round their sums apart.
  const read = run(importOnnx(fileOf(toOnnx(graph))), { tokens, mask }).output.toNumbers();
  const largest = Math.max(...expected.toNumbers().map(Math.abs));
  for (const [i, value] of expected.toNumbers().entries()) t.true(Math.abs(read[i] - value) <= 1e-5 * largest);

  const others = Tensor.from([1, 2, 3, 4, 15, 16, 7, 8, 9, 10, 11, 13], [2, 6], 'int64');
  const [before, after] = [tokens, others].map((given) => model.forward(given, mask).toNumbers());
  t.deepEqual(after.slice(0, 3), before.slice(0, 3));
  t.notDeepEqual(after.slice(3), before.slice(3));
  t.notDeepEqual(model.forward(tokens).toNumbers(), before);
});

test('layers take any batch once they are traced', (t) => {
  const layers: [nn.Module, number[]][] = [
    [new nn.Conv1d(3, 4, 3, { stride: 2, padding: 1 }), [9, 3]],
    [new nn.ConvTranspose2d(3, 4, 3, { stride: 2, padding: 1 }), [4, 5, 3]],
    [new nn.MultiHeadAttention(8, 2), [5, 8]],
    [new nn.Sequential(new nn.BatchNorm1d(6), new nn.PReLU(6), new nn.LayerNorm([5, 6]), new nn.Flatten(), new nn.Linear(30, 2)), [5, 6]],
    [
      new nn.Sequential(new nn.MaxPool2d(2), new nn.AveragePool2d(2, { padding: 1 }), new nn.GlobalAveragePool(), new nn.Softmax()),
      [8, 8, 3],
    ],
  ];
  for (const [layer, shape] of layers) {
    const graph = traceModule(layer, shape, { layout: 'nhwc' });
    verify(graph);
    const batch = [3, ...shape];
    const input = Tensor.from(
      randomNumbers(
        batch.reduce((a, b) => a * b),
        -1,
        1,
        3,
      ),
      batch,
    );
    t.deepEqual(run(graph, { input }).output.data(), layer.forward(input).data(), String(layer));
  }
});

test('the constants of a traced module are its tensors, under their names', (t) => {
  const model = new nn.Sequential(new nn.Conv2d(3, 4, 3, { bias: false }), new nn.BatchNorm2d(4), new nn.ReLU());
  const graph = traceModule(model, [3, 8, 8], { name: 'net' });
  t.is(
    print(graph),
    [
      'graph net(input: float32[?, 3, 8, 8])',
      '  transpose = transpose(input, perm=[0, 2, 3, 1]): float32[?, 8, 8, 3]',
      '  0 = conv2d(transpose, 0.weight: float32[4, 3, 3, 3], constant: float32[4]): float32[?, 6, 6, 4]',
      '  1 = batchNorm(0, 1.weight: float32[4], 1.bias: float32[4], 1.runningMean: float32[4], 1.runningVariance: float32[4]): float32[?, 6, 6, 4]',
      '  relu = relu(1): float32[?, 6, 6, 4]',
      '  return output = relu',
    ].join('\n'),
  );
  for (const [name, tensor] of model.state()) t.is(graph.constantOf(graph.find(name)), tensor);
  t.is(graph.constants.size, model.state().size + 1);
  const turned = traceModule(model, [8, 8, 3], { layout: 'nhwc' });
  t.regex(print(turned), /graph Sequential\(input: float32\[\?, 8, 8, 3\]\)\n {2}0 = conv2d\(input/);
});

test('what a module is changed to, its graph computes', (t) => {
  const model = new nn.Linear(2, 1);
  const graph = traceModule(model, [2]);
  model.load({ weight: Tensor.from([2, 3], [1, 2]), bias: Tensor.from([1]) });
  t.deepEqual(run(graph, { input: Tensor.from([10, 100], [1, 2]) }).output.toNumbers(), [321]);
});

test('mistakes are named', (t) => {
  faults(t, () => models.resnet20({ clases: 10 } as object), 'unknownOption', /resnet20: unknown option "clases", did you mean "classes"/);
  faults(t, () => models.resnet18({ classes: 0 }), 'parameter', /resnet18: parameter classes is 0/);
  faults(t, () => models.encoder({ vocabulary: 10, length: 4, width: 10, heads: 3 }), 'parameter', /heads is 3/);
  faults(t, () => traceModule(new nn.ReLU(), [2], { layot: 'nhwc' } as object), 'unknownOption', /traceModule: unknown option "layot"/);
});
