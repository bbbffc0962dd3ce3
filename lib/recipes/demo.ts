/** The whole way on generated data: a small network is made, quantized, verified and measured. Nothing is downloaded. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { digits } from '../data/digits.js';
import { failOnFile } from '../file.js';
import { Graph } from '../graph/graph.js';
import { run } from '../graph/run.js';
import { exportOnnx } from '../onnx/exportOnnx.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { conv2d, gemm, maxPool2d, relu, reshape, transpose } from '../ops/index.js';
import { type Shape, sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';
import { benchModel } from './benchModel.js';
import { evaluate } from './evaluate.js';
import { calibrationBatches, feed, free } from './prepare.js';
import { quantize } from './quantize.js';
import { ridge } from './ridge.js';
import { random } from './samples.js';
import { type Verification, verifyModel } from './verifyModel.js';

export interface DemoOptions {
  /** Called when a part begins. */
  onStep?: (what: string) => void;
  signal?: AbortSignal;
}

/** The model on real numbers or on codes. */
export interface DemoModel {
  path: string;
  bytes: number;
  /** Fraction of the test digits. */
  accuracy: number;
  /** Median time of one digit on one thread. */
  milliseconds: number;
}

export interface Demo {
  fp32: DemoModel;
  int8: DemoModel;
  testSamples: number;
  verification: Verification;
}

const trainingSamples = 2000;
const testSamples = 1000;
const calibrationSamples = 200;

/**
 * Makes a network that reads digits, quantizes it, and writes `digits.onnx` and `digits.int8.onnx` into the folder, which is made where
 * it is missing. The convolutions are random and stay so; only the last layer is fitted.
 * @throws LowbitError 'file' where the folder cannot be written, 'aborted'
 */
export async function demo(folder: string, { onStep, signal }: DemoOptions = {}): Promise<Demo> {
  const paths = { fp32: join(folder, 'digits.onnx'), int8: join(folder, 'digits.int8.onnx') };
  makeFolder(folder);
  onStep?.(`fitting a network to ${trainingSamples} generated digits`);
  const training = digits({ count: trainingSamples, seed: 1 });
  exportOnnx(await network(training, signal), paths.fp32);

  onStep?.(`quantizing it with ${calibrationSamples} of them`);
  const graph = importOnnx(paths.fp32);
  const { graph: quantized } = await quantize(graph, calibrationBatches(graph, training, calibrationSamples, 50, signal), { signal });
  exportOnnx(quantized, paths.int8);

  onStep?.(`reading ${testSamples} other digits with both`);
  const test = digits({ count: testSamples, seed: 2 });
  const fp32 = await evaluate(graph, test, { signal });
  const int8 = await evaluate(importOnnx(paths.int8), test, { signal });

  onStep?.('comparing all kernels of this machine with the integer arithmetic');
  const verification = await verifyModel(paths.int8, { dataset: test, signal });

  onStep?.('timing both');
  const { results } = await benchModel(paths.int8, { batches: [1], threads: [1], seconds: 1, signal });
  const model = (name: 'fp32' | 'int8', accuracy: number): DemoModel => ({
    path: paths[name],
    bytes: statSync(paths[name]).size,
    accuracy,
    milliseconds: results.find((timing) => timing.name === name)!.medianMs,
  });
  return { fp32: model('fp32', fp32.top1), int8: model('int8', int8.top1), testSamples, verification };
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    failOnFile(folder, error);
  }
}

const channels = 32;
const features = 4 * 4 * channels;

/** Random convolutions and a linear readout that is fitted to their outputs. */
async function network(training: ReturnType<typeof digits>, signal?: AbortSignal): Promise<Graph> {
  const graph = convolutions();
  const cut = feed(graph, training);
  const x = new Float32Array(trainingSamples * features);
  const labels = new Int32Array(trainingSamples);
  for await (const batch of training.batches(100, signal)) {
    for (const piece of cut(batch)) {
      const outputs = run(graph, piece.inputs);
      x.set(outputs.features.data() as Float32Array, piece.first * features);
      labels.set(piece.labels!, piece.first);
      free(outputs);
      free(piece.inputs);
    }
  }
  const { weight, bias } = ridge(x, labels, 10, 1e-3);
  const [{ value }] = graph.outputs;
  const readout = [graph.constant(Tensor.from(weight, [10, features]), 'fc.weight'), graph.constant(Tensor.from(bias), 'fc.bias')];
  graph.outputs = [];
  graph.output('logits', graph.add(gemm, [value, ...readout], {}, 'fc'));
  return graph;
}

/** (n, 1, 28, 28) -> (n, features): two stages of convolution, ReLU and max pooling. */
function convolutions(): Graph {
  const graph = new Graph('digits');
  const next = random(7);
  const weights = (name: string, shape: Shape) => graph.constant(Tensor.from(filters(shape, next), shape), name);
  const zeros = (name: string) => graph.constant(Tensor.from(new Float32Array(channels)), name);
  const images = graph.input('image', { dtype: 'float32', shape: [Number.NaN, 1, 28, 28] }, ['N']);
  let x = graph.add(transpose, [images], { perm: [0, 2, 3, 1] });
  x = graph.add(conv2d, [x, weights('conv1.weight', [channels, 5, 5, 1]), zeros('conv1.bias')], { pads: [2, 2, 2, 2] }, 'conv1');
  x = graph.add(relu, [x], {}, 'relu1');
  x = graph.add(maxPool2d, [x], { kernel: [2, 2], strides: [2, 2] }, 'pool1'); // 14 × 14
  x = graph.add(conv2d, [x, weights('conv2.weight', [channels, 3, 3, channels]), zeros('conv2.bias')], { pads: [1, 1, 1, 1] }, 'conv2');
  x = graph.add(relu, [x], {}, 'relu2');
  x = graph.add(maxPool2d, [x], { kernel: [4, 4], strides: [4, 4], pads: [1, 1, 1, 1] }, 'pool2'); // 4 × 4
  x = graph.add(transpose, [x], { perm: [0, 3, 1, 2] });
  graph.output('features', graph.add(reshape, [x], { shape: [-1, features] }, 'flatten'));
  return graph;
}

/** Random filters of mean 0 and a norm of √2, which keeps the size of what goes through a ReLU. */
function filters(shape: Shape, next: () => number): Float32Array {
  const weights = Float32Array.from({ length: sizeOf(shape) }, () => next() + next() + next() - 1.5);
  const size = sizeOf(shape.slice(1));
  for (let start = 0; start < weights.length; start += size) {
    const filter = weights.subarray(start, start + size);
    const mean = filter.reduce((a, b) => a + b, 0) / size;
    const norm = Math.sqrt(filter.reduce((sum, w) => sum + (w - mean) ** 2, 0));
    for (let i = 0; i < size; i++) filter[i] = (Math.SQRT2 * (filter[i] - mean)) / norm;
  }
  return weights;
}
