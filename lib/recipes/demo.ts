/** The whole way on generated data: a small network is trained, quantized, verified and measured. Nothing is downloaded. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { digits } from '../data/digits.js';
import { failOnFile } from '../file.js';
import { traceModule } from '../graph/traceModule.js';
import { BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, Module, Random } from '../nn/index.js';
import { exportOnnx } from '../onnx/exportOnnx.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { relu } from '../ops/elementwise.js';
import type { Tensor } from '../tensor.js';
import type { EpochReport } from '../train/callback.js';
import { progress, type TrainingProgress } from '../train/callbacks/progress.js';
import { fit } from '../train/fit.js';
import { adamw } from '../train/optim/adam.js';
import { oneCycle } from '../train/schedule.js';
import { benchModel } from './benchModel.js';
import { evaluate } from './evaluate.js';
import { calibrationBatches } from './prepare.js';
import { quantize } from './quantize.js';
import { type Verification, verifyModel } from './verifyModel.js';

export interface DemoOptions {
  /** Called when a part begins. */
  onStep?: (what: string) => void;
  /** How far the training is. */
  onProgress?: (progress: TrainingProgress) => void;
  /** Called when an epoch of the training is done. */
  onEpoch?: (report: EpochReport, epochs: number) => void;
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

const trainingSamples = 4000;
const testSamples = 1000;
const calibrationSamples = 200;
const epochs = 4;

/**
 * Trains a network that reads digits, quantizes it, and writes `digits.onnx` and `digits.int8.onnx` into the folder, which is made where
 * it is missing.
 * @throws LowbitError 'file' where the folder cannot be written, 'aborted'
 */
export async function demo(folder: string, options: DemoOptions = {}): Promise<Demo> {
  const { onStep, signal } = options;
  const paths = { fp32: join(folder, 'digits.onnx'), int8: join(folder, 'digits.int8.onnx') };
  makeFolder(folder);
  onStep?.(`training a network on ${trainingSamples} generated digits`);
  const training = digits({ count: trainingSamples, seed: 1 });
  await train(training, paths.fp32, options);

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
  const { results } = await benchModel(paths.int8, { batches: [1], threads: [1], forms: ['fp32', 'int8'], seconds: 1, signal });
  const model = (name: 'fp32' | 'int8', accuracy: number): DemoModel => ({
    path: paths[name],
    bytes: statSync(paths[name]).size,
    accuracy,
    milliseconds: results.find(({ runtime, form }) => runtime === 'lowbit' && form === name)!.medianMs,
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

/** Trains a new network and writes it. */
async function train(samples: ReturnType<typeof digits>, path: string, { onProgress, onEpoch, signal }: DemoOptions): Promise<void> {
  const network = new DigitReader(new Random(1));
  await fit(network, samples, {
    ...{ epochs, batchSize: 64, seed: 1, signal },
    optimizer: adamw({ rate: 0.01 }),
    schedule: oneCycle(),
    augment: { crop: { padding: 2 } },
    callbacks: [{ name: 'seen', onEpochEnd: (_run, report) => onEpoch?.(report, epochs) }, progress((state) => onProgress?.(state))],
  });
  exportOnnx(traceModule(network, samples.shape, { name: 'digits' }), path);
  for (const tensor of network.state().values()) tensor.dispose();
}

/** Three times convolution, batch normalization, ReLU and pooling, then a linear layer: (n, 28, 28, 1) to logits (n, 10). */
class DigitReader extends Module {
  readonly conv1: Conv2d;
  readonly norm1 = new BatchNorm2d(16);
  readonly conv2: Conv2d;
  readonly norm2 = new BatchNorm2d(32);
  readonly conv3: Conv2d;
  readonly norm3 = new BatchNorm2d(32);
  readonly pool = new MaxPool2d(2);
  readonly flatten = new Flatten();
  readonly fc: Linear;

  constructor(random: Random) {
    super();
    const options = { padding: 1, bias: false, random };
    this.conv1 = new Conv2d(1, 16, 3, options);
    this.conv2 = new Conv2d(16, 32, 3, options);
    this.conv3 = new Conv2d(32, 32, 3, options);
    this.fc = new Linear(3 * 3 * 32, 10, { random });
  }

  forward(images: Tensor): Tensor {
    const half = this.pool.forward(relu(this.norm1.forward(this.conv1.forward(images)))); // 14 × 14
    const quarter = this.pool.forward(relu(this.norm2.forward(this.conv2.forward(half)))); // 7 × 7
    const eighth = this.pool.forward(relu(this.norm3.forward(this.conv3.forward(quarter)))); // 3 × 3
    return this.fc.forward(this.flatten.forward(eighth));
  }
}
