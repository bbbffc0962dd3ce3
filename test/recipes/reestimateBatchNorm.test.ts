import test from 'ava';
import { Graph, ops, reestimateBatchNorm, Tensor } from 'lowbit';
import { faultsLater } from '../faults.js';
import { randomNumbers } from '../ops/case.js';

/** x (N, 2) → batch normalization → dropout → relu → batch normalization. */
function network(): Graph {
  const graph = new Graph('net');
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, 2] });
  const constant = (name: string, numbers: number[]) => graph.constant(Tensor.from(numbers), name);
  const norm = (from: typeof x, i: number) => {
    const inputs = [
      constant(`scale${i}`, [2, -1]),
      constant(`bias${i}`, [0.5, 0]),
      constant(`mean${i}`, [9, 9]),
      constant(`variance${i}`, [9, 9]),
    ];
    return graph.add(ops.batchNorm, [from, ...inputs], { axis: -1, epsilon: 0 }, `norm${i}`);
  };
  graph.output('y', norm(graph.add(ops.relu, [graph.add(ops.dropout, [norm(x, 1)], { rate: 0.5 })]), 2));
  return graph;
}

const sizes = [4, 4, 6];
const batch = (i: number) => randomNumbers(sizes[i] * 2, -1 - i, 2, i + 1).map(Math.fround);
const batches = async function* () {
  for (const [i, n] of sizes.entries()) yield { x: Tensor.from(batch(i), [n, 2]) };
};

function moments(numbers: readonly number[]): [mean: number, variance: number] {
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
  return [mean, numbers.reduce((a, b) => a + (b - mean) ** 2, 0) / numbers.length];
}

test('means and variances of the batches, each normalized by its own, averaged', async (t) => {
  const graph = network();
  const after = await reestimateBatchNorm(graph, batches);
  const want = { mean1: [0, 0], variance1: [0, 0], mean2: [0, 0], variance2: [0, 0] };
  for (const [i, n] of sizes.entries()) {
    for (const c of [0, 1]) {
      const x = batch(i).filter((_, at) => at % 2 === c);
      const [mean, variance] = moments(x);
      const normal = x.map((value) => Math.max(((value - mean) / Math.sqrt(variance)) * [2, -1][c] + [0.5, 0][c], 0));
      const [mean2, variance2] = moments(normal);
      want.mean1[c] += mean / 3;
      want.variance1[c] += (variance * n) / (n - 1) / 3;
      want.mean2[c] += mean2 / 3;
      want.variance2[c] += (variance2 * n) / (n - 1) / 3;
    }
  }
  for (const [name, numbers] of Object.entries(want)) {
    const got = after.constantOf(after.find(name))!.toNumbers();
    for (const c of [0, 1]) t.true(Math.abs(got[c] - numbers[c]) < 1e-5, `${name} ${got[c]} for ${numbers[c]}`);
  }
  t.deepEqual(after.constantOf(after.find('scale1'))!.toNumbers(), [2, -1]);
  t.deepEqual(graph.constantOf(graph.find('mean1'))!.toNumbers(), [9, 9], 'the graph that was given stays');
  t.deepEqual(
    after.nodes.map(({ op }) => op.name),
    graph.nodes.map(({ op }) => op.name),
  );
});

test('as many batches as asked for, and at least one', async (t) => {
  const seen: number[] = [];
  await reestimateBatchNorm(network(), batches, { batches: 2, onProgress: (samples) => seen.push(samples) });
  t.deepEqual(seen, [4, 8]);
  const none = async function* () {};
  await faultsLater(t, () => reestimateBatchNorm(network(), none), 'data', /there are no samples/);
});
