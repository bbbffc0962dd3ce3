import test from 'ava';
import {
  analyticCorrections,
  dequantize,
  empiricalCorrections,
  Graph,
  insertQdq,
  type Node,
  ops,
  qparamsOf,
  run,
  Tensor,
  weightCorrections,
  weightRepair,
  withCorrections,
} from 'lowbit';
import { smallNet, weight } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';

const images = (count: number, batch: number) =>
  async function* () {
    for (let first = 0; first < count; first += batch) {
      const n = Math.min(batch, count - first);
      const numbers = Array.from({ length: n }, (_, i) => randomNumbers(108, 0, 1, first + i + 1)).flat();
      yield { image: Tensor.from(numbers, [n, 6, 6, 3]) };
    }
  };

/** The small net with coarse steps of activations, so that there is something to correct. */
function quantizedNet(): { float: Graph; quantized: Graph } {
  const float = smallNet();
  const coarse = (max: number) => qparamsOf({ min: 0, max }, 'uint8', false);
  const activations = new Map([
    ['image', coarse(20)],
    ['flat', coarse(30)],
  ]);
  return { float, quantized: insertQdq(float, activations, new Set(['conv', 'linear']), { perTensor: true }) };
}

/** Mean by channel of a value of a graph over images. */
async function meanOf(graph: Graph, layer: string, channels: number): Promise<number[]> {
  const sums = new Array<number>(channels).fill(0);
  let count = 0;
  const node = graph.nodes.find(({ name, op }) => name === layer && op.quantizes)!;
  for await (const inputs of images(12, 5)()) {
    run(graph, inputs, {
      onValue(value, tensor) {
        if (value !== node.output) return;
        for (const [i, x] of tensor.toNumbers().entries()) sums[i % channels] += x;
        count += tensor.size / channels;
      },
    });
  }
  return sums.map((sum) => sum / count);
}

test('after the empirical correction every layer has the mean of the float one', async (t) => {
  const { float, quantized } = quantizedNet();
  const seen: number[][] = [];
  const corrections = await empiricalCorrections(float, quantized, images(12, 5), { onProgress: (...done) => seen.push(done) });
  t.deepEqual(seen, [
    [1, 2],
    [2, 2],
  ]);
  const corrected = withCorrections(quantized, corrections);
  for (const [layer, channels] of [
    ['conv', 4],
    ['linear', 5],
  ] as const) {
    const [want, before, after] = await Promise.all([float, quantized, corrected].map((graph) => meanOf(graph, layer, channels)));
    const scale = stepOfBias(corrected, layer);
    for (let c = 0; c < channels; c++) {
      // The bias itself is rounded to codes, before and after the correction.
      t.true(Math.abs(after[c] - want[c]) <= 1.01 * scale + 1e-5, `${layer} ${c}: ${after[c]} for ${want[c]}`);
    }
    t.true(
      before.some((mean, c) => Math.abs(mean - want[c]) > 3 * scale),
      'there was something to correct',
    );
  }
});

function stepOfBias(graph: Graph, layer: string): number {
  const node = graph.nodes.find(({ name, op }) => name === layer && op.quantizes) as Node;
  return Math.max(...graph.constantOf(node.inputs[2].producer!.inputs[1])!.toNumbers());
}

test('the size of batches does not matter', async (t) => {
  const { float, quantized } = quantizedNet();
  const [one, many] = await Promise.all([1, 12].map((batch) => empiricalCorrections(float, quantized, images(12, batch))));
  t.deepEqual(one, many);
});

test('the analytic correction takes Σ (W_q − W)·E[x] out of the bias', (t) => {
  const { float, quantized } = quantizedNet();
  const expected = [0.5, -1, 2];
  const { shift } = analyticCorrections(float, quantized, new Map([['conv', expected]])).get('conv')!;
  const w = float.constantOf(float.find('w1'))!.toNumbers();
  const step = Math.fround(Math.max(...w.map(Math.abs)) / 127);
  const want = new Array<number>(4).fill(0);
  for (const [i, x] of w.entries()) want[Math.floor(i / 27)] -= (Math.round(x / step) * step - x) * expected[i % 3];
  for (let c = 0; c < 4; c++) t.true(Math.abs(shift[c] - want[c]) < 1e-6, `${shift[c]} for ${want[c]}`);
  t.is(analyticCorrections(float, quantized, new Map()).size, 0);
});

test('a depthwise layer multiplies the expectation of its own channel', (t) => {
  const float = new Graph('g');
  const x = float.input('x', { dtype: 'float32', shape: [1, 4, 4, 2] });
  const w = float.constant(Tensor.from([1, 0.3, 0.2, 0.1, -1, 0.4, 0.25, 0.15], [2, 2, 2, 1]), 'w');
  float.output('y', float.add(ops.conv2d, [x, w, weight(float, 'b', [2])], { groups: 2 }, 'conv'));
  const quantized = insertQdq(float, new Map([['x', qparamsOf({ min: 0, max: 1 }, 'uint8', false)]]), new Set(['conv']));
  const { shift } = analyticCorrections(float, quantized, new Map([['conv', [10, 1000]]])).get('conv')!;
  const error = (weights: number[]) => weights.reduce((sum, v) => sum + Math.round(v * 127) / 127 - v, 0);
  t.true(Math.abs(shift[0] + 10 * error([0.3, 0.2, 0.1])) < 1e-5);
  t.true(Math.abs(shift[1] + 1000 * error([0.4, 0.25, 0.15])) < 1e-3);
});

/** Two output channels whose weights are nothing alike. */
const unlike = [...randomNumbers(18, 2, 3, 1), ...randomNumbers(18, -0.02, 0.01, 2)];

function moments(numbers: readonly number[]): [mean: number, deviation: number] {
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
  return [mean, Math.sqrt(numbers.reduce((a, b) => a + (b - mean) ** 2, 0) / numbers.length)];
}

test('repaired weights have the mean and deviation of the real ones, channel by channel', (t) => {
  const rounded = unlike.map((x, i) => (i < 18 ? Math.round(x * 3) / 3 : Math.round(x * 200) / 200));
  const { factor, shift } = weightRepair([2, 3, 3, 2], unlike, rounded);
  for (const c of [0, 1]) {
    const rows = [unlike, rounded.map((x) => x * factor[c] + shift[c])].map((list) => moments(list.slice(c * 18, c * 18 + 18)));
    for (const i of [0, 1]) t.true(Math.abs(rows[1][i] - rows[0][i]) < 1e-12);
  }
  t.deepEqual(weightRepair([1, 2], [1, 3], [2, 2]), { factor: Float64Array.of(1), shift: Float64Array.of(0) });
});

test('in a quantized graph factors are in the scales and shifts in the bias', (t) => {
  const float = new Graph('g');
  const x = float.input('x', { dtype: 'float32', shape: [1, 3, 3, 2] });
  float.output(
    'y',
    float.add(ops.conv2d, [x, float.constant(Tensor.from(unlike, [2, 3, 3, 2]), 'w'), weight(float, 'b', [2])], {}, 'conv'),
  );
  const quantized = insertQdq(float, new Map([['x', qparamsOf({ min: 0, max: 1 }, 'uint8', false)]]), new Set(['conv']));
  const means = [0.25, 0.75];
  const corrections = weightCorrections(float, quantized, new Map([['conv', means]]));
  const corrected = withCorrections(quantized, corrections);
  const numbers = (graph: Graph, input: number) => {
    const { producer } = graph.nodes.find(({ op }) => op === ops.conv2d)!.inputs[input];
    const constants = producer!.inputs.map((value) => graph.constantOf(value)!);
    return dequantize(constants[0], constants[1], constants[2], { axis: 0 }).toNumbers();
  };
  const [before, after] = [quantized, corrected].map((graph) => numbers(graph, 1));
  const biases = [quantized, corrected].map((graph) => numbers(graph, 2));
  for (const c of [0, 1]) {
    const [real, old, now] = [unlike, before, after].map((list) => moments(list.slice(c * 18, c * 18 + 18)));
    t.true(Math.abs(now[1] / real[1] - 1) < 1e-6);
    t.true(Math.abs(old[1] / real[1] - 1) > 1e-6);
    const shift = (real[0] - now[0]) * 9 * (means[0] + means[1]);
    t.true(Math.abs(biases[1][c] - biases[0][c] - shift) < 2e-4, `${biases[1][c] - biases[0][c]} for ${shift}`);
  }
});
