import { statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  exportOnnx,
  fit,
  type Graph,
  importOnnx,
  LowbitError,
  lowerInteger,
  ops,
  referenceRows,
  run,
  type SlbOptions,
  slb,
  type Tensor,
  threads,
  train,
} from 'lowbit';
import { temporaryFolder } from '../../folder.js';
import { random } from '../../ops/case.js';
import { smallDigits } from '../../train/networks.js';
import { everyLayer, graphOf } from './networks.js';

const outputOf = (graph: Graph, x: Tensor, row?: typeof referenceRows) =>
  run(graph, { [graph.inputs[0].name]: x }, { row })[graph.outputs[0].name].toNumbers();
const farthest = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((x, i) => Math.abs(x - b[i])));
const size = (numbers: readonly number[]) => Math.max(...numbers.map(Math.abs));

const everything = { quantizeFirst: true, quantizeLast: true, quantizeDownsample: true, activation: { delay: 2 } } as const;

/** A network that was searched for a moment: scales, statistics and ranges are no longer those it began with. */
async function searched(options: Partial<SlbOptions>) {
  const search = slb({ epochs: 2, ...everything, ...options });
  const network = search.apply(graphOf(everyLayer(5)));
  const data = smallDigits(128);
  const optimizer = train.mixed([{ parameters: '*.logits', optimizer: train.adam({ rate: 0.05 }) }], train.sgd({ rate: 0.02 }));
  await fit(network, data, { epochs: 2, batchSize: 32, optimizer, callbacks: search.callbacks(network, data) });
  return { search, network, converted: search.convert(network) };
}

/** Bytes of a layer's codes: rows of whole 8 bytes. */
const packedBytes = (shape: readonly number[], bits: number) =>
  8 * Math.ceil((shape.slice(1).reduce((a, b) => a * b) * bits) / 64) * shape[0];

for (const options of [
  { weightBits: 1 },
  { weightBits: 2, alpha: 'none' },
  { weightBits: 3 },
  { weightBits: 4, grid: 'zero' },
  { weightBits: 2, grid: 'zero', granularity: 'tensor', alpha: 'mean' },
  { weightBits: 4, init: 'random' },
] as const satisfies Partial<SlbOptions>[]) {
  test(`float activations: packed codes give the decided network, ${JSON.stringify(options)}`, async (t) => {
    const { network, converted } = await searched(options);
    const x = random([3, 1, 28, 28]);
    const hard = outputOf(network.graph, x);
    t.false(converted.graph.nodes.some(({ op }) => op === ops.batchNorm || op === ops.slbExpectation));
    // Folding rounds each weight and bias once: seven layers of at most 300 products.
    t.true(
      farthest(outputOf(converted.graph, x), hard) < 7 * 300 * 2 ** -24 * size(hard),
      `${farthest(outputOf(converted.graph, x), hard)}`,
    );
    const { graph } = lowerInteger(converted.graph);
    t.is(graph.nodes.filter(({ op }) => op.name.startsWith('lowbit')).length, 6, 'all but the transposed convolution');
    t.deepEqual(outputOf(graph, x), outputOf(converted.graph, x));
    t.deepEqual(outputOf(graph, x, referenceRows), outputOf(graph, x));
    for (const [i, { bytes, bits, name }] of converted.layers.entries()) {
      t.is(bytes, packedBytes(network.slb.layers[i].shape, options.weightBits), name);
      t.is(bits, options.weightBits);
    }
  });
}

for (const [weightBits, activationBits, grid] of [
  [1, 8, 'uniform'],
  [2, 8, 'zero'],
  [4, 8, 'uniform'],
  [2, 4, 'uniform'],
  [1, 1, 'uniform'],
] as const) {
  test(`W${weightBits}A${activationBits} ${grid}: every row and thread count gives the bytes of the reference`, async (t) => {
    const { network, converted } = await searched({ weightBits, activationBits, grid });
    const x = random([3, 1, 28, 28]);
    const { graph } = lowerInteger(converted.graph);
    t.true(
      graph.nodes.filter(({ op }) => op === ops.lowbitConv2d || op === ops.lowbitGemm).length >= 5,
      graph.nodes.map(({ op }) => op.name).join(),
    );
    const want = outputOf(graph, x, referenceRows);
    for (const count of [1, 2, 3]) {
      threads(count);
      t.deepEqual(outputOf(graph, x), want);
    }
    // The training graph rounds at other places: codes differ by one here and there, which is what a code is worth.
    const hard = outputOf(network.graph, x);
    const steps = 2 ** activationBits - 1;
    t.true(farthest(want, hard) < (size(hard) * 8) / steps, `${farthest(want, hard)} of ${size(hard)}`);
  });
}

test('codes on both sides of a layer: the searched and the converted one agree within a code', async (t) => {
  const { network, converted } = await searched({ weightBits: 2, activationBits: 8, exclude: /^(?!0)/, quantizeLast: false });
  const x = random([2, 1, 28, 28]);
  const ranges = [...network.buffers].filter(([name]) => name.endsWith('.range'));
  t.true(ranges.length > 3);
  t.true(
    ranges.every(([, range]) => range.toNumbers()[2] === 8),
    'eight batches were seen',
  );
  t.is(converted.layers.length, 1);
  t.true(farthest(outputOf(converted.graph, x), outputOf(network.graph, x)) < size(outputOf(network.graph, x)) / 10);
});

test('ranges that have not seen enough are refused', async (t) => {
  await t.throwsAsync(() => searched({ activationBits: 8, activation: { delay: 9 } }), {
    instanceOf: LowbitError,
    message: /has seen 8 batches.*delay/,
  });
  t.throws(() => slb({ epochs: 1 }).convert({ graph: graphOf(everyLayer()) } as never), {
    instanceOf: LowbitError,
    message: /no weights are searched/,
  });
});

test('files: the packed one has the size it claims and comes back to the byte, the others give the same numbers', async (t) => {
  const { converted } = await searched({ weightBits: 1, activationBits: 8 });
  const folder = temporaryFolder();
  const x = random([2, 1, 28, 28]);
  const want = outputOf(lowerInteger(converted.graph).graph, x);
  const sizes = new Map<string, number>();
  for (const weights of ['packed', 'int4', 'int8'] as const) {
    const path = join(folder, `${weights}.onnx`);
    exportOnnx(converted.graph, path, { weights });
    sizes.set(weights, statSync(path).size);
    t.deepEqual(outputOf(lowerInteger(importOnnx(path)).graph, x), want, weights);
  }
  const saved = (from: string, to: string) => sizes.get(from)! - sizes.get(to)!;
  const [codes, bytes] = [
    converted.layers.reduce((sum, { weights }) => sum + weights, 0),
    converted.layers.reduce((sum, layer) => sum + layer.bytes, 0),
  ];
  // A node a layer more, with its attributes.
  t.true(
    Math.abs(saved('int8', 'packed') - (codes - bytes)) < 300 * converted.layers.length,
    `${saved('int8', 'packed')} of ${codes - bytes}`,
  );
  const again = importOnnx(join(folder, 'packed.onnx'));
  const packed = (graph: Graph) =>
    graph.nodes.flatMap(({ op, inputs }) =>
      op === ops.unpackLevels ? [Buffer.from(graph.constantOf(inputs[0])!.data() as Uint8Array).toString('base64')] : [],
    );
  t.deepEqual(packed(again), packed(converted.graph));
});
