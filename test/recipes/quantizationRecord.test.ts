import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  calibrationBatches,
  compareModels,
  exportOnnx,
  Graph,
  importOnnx,
  openDataset,
  ops,
  quantizationRecord,
  quantize,
  type Shape,
  Tensor,
  writeNpy,
} from 'lowbit';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { weight } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';
import { calibrated, smallNetwork, someDigits } from './models.js';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

test.before(async () => {
  exportOnnx(smallNetwork(), at('float.onnx'));
  exportOnnx(await calibrated(smallNetwork()), at('int8.onnx'));
  exportOnnx(await calibrated(smallNetwork(), { observer: 'percentile', percentile: 90, perTensor: true }), at('clipped.onnx'));
});

test('both files are measured', async (t) => {
  const record = await quantizationRecord(at('float.onnx'), at('int8.onnx'), { dataset: someDigits(12), samples: 10 });
  t.is(record.samples, 10);
  t.is(
    record.model.sha256,
    createHash('sha256')
      .update(readFileSync(at('float.onnx')))
      .digest('hex'),
  );
  t.is(record.quantized.bytes, readFileSync(at('int8.onnx')).length);
  t.deepEqual(
    record.layers.map(({ name, op, parameters, bytes, floatBytes }) => [name, op, parameters, bytes, floatBytes]),
    [
      ['conv', 'conv2d', 54, 54, 216],
      ['fc', 'gemm', 2160, 2160, 8640],
    ],
  );
  const [conv, fc] = record.layers;
  t.is(fc.activation, undefined);
  t.deepEqual(conv.shape, [13, 13, 6]);

  const { tensors } = await compareModels(importOnnx(at('float.onnx')), importOnnx(at('int8.onnx')), {
    dataset: someDigits(12),
    samples: 10,
  });
  t.is(conv.sqnr, tensors.find(({ name }) => name === 'relu')!.sqnr);
  t.is(record.outputs[0].sqnr, tensors.find(({ name }) => name === 'logits')!.sqnr);
  t.is(fc.sqnr, record.outputs[0].sqnr);
  t.is(fc.inputSqnr, conv.sqnr); // across the pool
  t.is(conv.inputSqnr, undefined);

  const { histogram, range } = conv.activation!;
  t.is(
    histogram.counts.reduce((a, b) => a + b, 0),
    10 * 13 * 13 * 6,
  );
  t.is(histogram.low, 0);
  t.true(range.min === 0 && range.max > 0.9 * histogram.high);
  t.true(conv.activation!.clipped < 0.01);

  // One scale a channel: the largest weight of each is 127 steps.
  t.is(conv.weight.bits, 8);
  t.is(conv.weight.scales.length, 6);
  for (const [c, largest] of conv.weight.channels.now.entries()) t.true(Math.abs(largest - 127 * conv.weight.scales[c]) < 1e-6);
  t.false(conv.weight.scaled || record.scaled);
  for (const [c, before] of conv.weight.channels.before!.entries())
    t.true(Math.abs(before - conv.weight.channels.now[c]) < conv.weight.scales[c]);
  t.true(conv.weight.sqnr! > 40 && conv.weight.sqnr! < 55, String(conv.weight.sqnr));
  for (const { milliseconds } of record.layers) t.true(milliseconds! > 0);
  t.deepEqual(record.float, []);
});

test('what clips is seen', async (t) => {
  const { layers } = await quantizationRecord(at('float.onnx'), at('clipped.onnx'), { dataset: someDigits(12), samples: 10 });
  const { clipped, histogram, range } = layers[0].activation!;
  t.true(histogram.high > range.max);
  t.true(clipped > 0.02 && clipped < 0.3, String(clipped));
  t.is(layers[0].weight.scales.length, 1);
});

test('what equalization scales is seen, and measured with each channel scaled back', async (t) => {
  const graph = new Graph('wide');
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, 8] });
  const widths = [20, 3, 0.5, 0.1];
  const spread = Float32Array.from(randomNumbers(32, -1, 1, 4), (w, i) => w * widths[Math.floor(i / 8)]);
  const constants = (w: ArrayLike<number>, shape: Shape) => [
    graph.constant(Tensor.from(w, shape), 'w'),
    graph.constant(Tensor.from(new Float32Array(shape[0])), 'b'),
  ];
  const first = graph.add(ops.relu, [graph.add(ops.gemm, [x, ...constants(spread, [4, 8])], {}, 'first')], {}, 'relu');
  graph.output('y', graph.add(ops.gemm, [first, ...constants(randomNumbers(12, -1, 1, 6), [3, 4])], {}, 'second'));
  const batches = async function* () {
    yield { x: Tensor.from(randomNumbers(256, -1, 1, 5), [32, 8]) };
  };
  const recordOf = async (equalize: boolean) => {
    const { graph: quantized } = await quantize(graph, batches, { perTensor: true, equalize });
    exportOnnx(graph, at('wide.onnx'));
    exportOnnx(quantized, at('wide8.onnx'));
    return quantizationRecord(at('wide.onnx'), at('wide8.onnx'), { samples: 16 });
  };
  const plain = await recordOf(false);
  const equalized = await recordOf(true);
  t.false(plain.scaled || plain.layers.some(({ weight }) => weight.scaled));
  t.true(equalized.scaled && equalized.layers.every(({ weight }) => weight.scaled));
  for (const { layers } of [plain, equalized]) {
    const before = widths.map(
      (width, c) =>
        width *
        Math.max(
          ...randomNumbers(32, -1, 1, 4)
            .slice(8 * c, 8 * c + 8)
            .map(Math.abs),
        ),
    );
    for (const [c, range] of layers[0].weight.channels.before!.entries()) t.true(Math.abs(range - before[c]) < 1e-5);
  }
  const spreadOf = ({ layers: [{ weight }] }: typeof plain) => Math.max(...weight.channels.now) / Math.min(...weight.channels.now);
  t.true(spreadOf(equalized) < spreadOf(plain) / 4, `${spreadOf(plain)}, ${spreadOf(equalized)}`);
  // 8 bits leave some 40 dB; compared as they are, scaled channels would have less than 10.
  t.true(equalized.layers[0].sqnr! > 30, String(equalized.layers[0].sqnr));
});

test('a model without codes is refused', async (t) => {
  await faultsLater(
    t,
    () => quantizationRecord(at('float.onnx'), at('float.onnx'), { dataset: someDigits(3) }),
    'data',
    /none of its layers/,
  );
});

test('a network of tokens is measured', async (t) => {
  writeNpy(at('tokens.npy'), { dtype: 'int64', shape: [6, 4], data: BigInt64Array.from({ length: 24 }, (_, i) => BigInt(i % 7)) });
  const dataset = await openDataset(`npy:${at('tokens.npy')}`);
  const graph = new Graph('tokens');
  const words = graph.input('words', { dtype: 'int64', shape: [Number.NaN, 4] });
  const embedded = graph.add(ops.gather, [weight(graph, 'embedding', [7, 8]), words], { axis: 0 }, 'embedded');
  graph.output('y', graph.add(ops.gemm, [embedded, weight(graph, 'w', [3, 8]), weight(graph, 'b', [3])], {}, 'layer'));
  exportOnnx(graph, at('tokens.onnx'));
  exportOnnx((await quantize(graph, calibrationBatches(graph, dataset, 6, 3))).graph, at('tokens.int8.onnx'));
  const { layers, outputs } = await quantizationRecord(at('tokens.onnx'), at('tokens.int8.onnx'), { dataset });
  t.deepEqual(
    layers.map(({ name }) => name),
    ['layer'],
  );
  t.true(outputs[0].sqnr! > 30);
});
