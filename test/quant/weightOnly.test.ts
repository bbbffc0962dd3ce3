/** Weights as codes, activations real: a scale for each output channel, or for each group of inputs. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  compile,
  exportOnnx,
  Graph,
  importOnnx,
  inspect,
  lowerInteger,
  ops,
  type QuantizeOptions,
  quantize,
  readModel,
  referenceRows,
  run,
  Tensor,
  toOnnx,
} from 'lowbit';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { smallNet, weight } from '../graph/graphs.js';
import { runElsewhere } from '../onnxruntime.js';
import { randomNumbers } from '../ops/case.js';

const folder = temporaryFolder();

/** x (N, 3, 96) → linear of 40 → relu → linear of 7, whose 40 inputs are no whole groups. */
function net(rank: 2 | 3 = 3): Graph {
  const graph = new Graph('net');
  const x = graph.input('x', { dtype: 'float32', shape: rank === 3 ? [Number.NaN, 3, 96] : [Number.NaN, 96] });
  const uneven = randomNumbers(40 * 96, -1, 1, 3).map((w, i) => (i % 96 < 2 ? 20 * w : w));
  const first = graph.add(ops.gemm, [x, graph.constant(Tensor.from(uneven, [40, 96]), 'w1'), weight(graph, 'b1', [40], 4)], {}, 'wide');
  const second = [graph.add(ops.relu, [first], {}, 'active'), weight(graph, 'w2', [7, 40], 5), weight(graph, 'b2', [7], 6)];
  graph.output('y', graph.add(ops.gemm, second, {}, 'narrow'));
  return graph;
}

const input = (rank: 2 | 3 = 3) => Tensor.from(randomNumbers(5 * 96 * (rank === 3 ? 3 : 1), -1, 1, 9), rank === 3 ? [5, 3, 96] : [5, 96]);
const outputs = (graph: Graph, row?: typeof referenceRows, x = input()) => run(graph, { x }, { row }).y.toNumbers();
const never = () => {
  throw new Error('weights alone need no samples');
};
const weightsOnly = (options: QuantizeOptions, graph = net()) => quantize(graph, never, { activations: 'float', ...options });
const error = (want: readonly number[], got: readonly number[]) => Math.max(...want.map((y, i) => Math.abs(y - got[i])));

test('codes and scales of groups are those of the formula', async (t) => {
  const { graph } = await weightsOnly({ weightGroup: 32, weightBits: 4, weightRange: 'max' });
  const node = graph.nodes.find(({ op }) => op === ops.dequantize)!;
  const [codes, scales] = node.inputs.map((value) => graph.constantOf(value)!.toNumbers());
  const numbers = [...net().constants.values()][0].toNumbers();
  t.is(scales.length, 40 * 3);
  for (const row of [0, 1, 2, 57, 119]) {
    const group = numbers.slice(32 * row, 32 * row + 32);
    const scale = Math.fround(Math.max(...group.map(Math.abs)) / 7);
    t.is(scales[row], scale);
    for (const [i, x] of group.entries())
      t.true(Math.abs(codes[32 * row + i] - x / scale) <= 0.5 + 1e-6 && Math.abs(codes[32 * row + i]) <= 7);
  }
});

test('nothing but weights is codes, layers say so, and groups are closer than channels', async (t) => {
  const want = outputs(net());
  const settings: QuantizeOptions = { weightBits: { wide: 4 }, weightRange: 'max' };
  const [grouped, plain] = [await weightsOnly({ ...settings, weightGroup: 32 }), await weightsOnly(settings)];
  const reason = 'its activations are real, only its weights are codes';
  for (const { graph, layers, float, ranges } of [grouped, plain]) {
    t.false(graph.nodes.some(({ op }) => op === ops.quantize));
    t.deepEqual(ranges, {});
    t.deepEqual(
      layers.map(({ name, parameters }) => [name, parameters]),
      [
        ['wide', 3880],
        ['narrow', 287],
      ],
    );
    t.deepEqual(
      float.map((layer) => [layer.name, layer.reason]),
      [
        ['wide', reason],
        ['narrow', graph === grouped.graph ? `${reason}; they are no groups of 32 and have a scale for each output channel` : reason],
      ],
    );
    const lowered = lowerInteger(graph).graph;
    t.deepEqual(outputs(lowered), outputs(graph));
    t.deepEqual(outputs(lowered), outputs(lowered, referenceRows));
    const session = compile(graph);
    t.deepEqual([...(session.runSync({ x: input() }).y as Float32Array)], outputs(graph));
    session.dispose();
  }
  // A third of the weights share a step with the large ones, not all.
  t.true(error(want, outputs(grouped.graph)) < 0.75 * error(want, outputs(plain.graph)));
});

test('weights of few bits run packed, those with groups as real constants', async (t) => {
  const opsOf = async (options: QuantizeOptions) => lowerInteger((await weightsOnly(options)).graph);
  const plain = await opsOf({ weightBits: 4 });
  t.is(plain.graph.nodes.filter(({ op }) => op === ops.lowbitGemmFloat).length, 2);
  const grouped = await opsOf({ weightBits: 4, weightGroup: 32 });
  t.deepEqual(
    grouped.graph.nodes.map(({ op }) => op.name),
    ['gemm', 'relu', 'lowbitGemmFloat'],
  );
  t.regex(grouped.float.find(({ name }) => name === 'wide')!.reason, /its weight, with scales for groups of inputs, is dequantized once/);
  t.false((await opsOf({})).graph.nodes.some(({ op }) => op === ops.dequantize));
});

for (const weightBits of [4, 8] as const) {
  for (const rank of [2, 3] as const) {
    test(`a file with groups of ${weightBits} bits comes back as it was, for ${rank} dimensions`, async (t) => {
      const { graph } = await weightsOnly({ weightGroup: 32, weightBits }, net(rank));
      const path = join(folder, `grouped-${weightBits}-${rank}.onnx`);
      const { weights } = exportOnnx(graph, path, weightBits === 4 ? { weights: 'int4' } : {});
      t.deepEqual(
        weights.map(({ layer, bits, elements }) => [layer, bits, elements]),
        [
          ['wide', weightBits, 3840],
          ['narrow', weightBits, 280],
        ],
      );
      const blocked = readModel(path).proto.graph!.node.filter(({ attribute }) => attribute.some(({ name }) => name === 'block_size'));
      t.deepEqual(
        blocked.map(({ opType, attribute }) => [opType, ...attribute.map(({ name, i }) => `${name}=${i}`)]),
        [['DequantizeLinear', rank === 3 ? 'axis=0' : 'axis=1', 'block_size=32']],
      );
      const back = importOnnx(path);
      // Sums of 96 and of 40 products in another order, of numbers that stay below 64.
      const bound = (96 + 40) * 64 * 2 ** -23;
      const [want, mine] = [graph, back].map((each) => outputs(each, undefined, input(rank)));
      // In a file of three dimensions the bias is a sum of its own.
      if (rank === 2) t.deepEqual(mine, want);
      else t.true(error(want, mine) <= bound, `${error(want, mine)}`);
      const { codedWeights } = inspect(back);
      t.deepEqual(
        codedWeights.map(({ layer, bits }) => [layer, bits]),
        [
          ['wide', weightBits],
          ['narrow', weightBits],
        ],
      );
      const again = toOnnx(back, { opset: 21, ...(weightBits === 4 && { weights: 'int4' }) });
      t.true(again.length <= statSync(path).size + 100, 'as small again');
      // Besides the codes: scales, biases and names.
      const [float, small] = [toOnnx(net(rank)).length, statSync(path).size];
      t.true(small < float * (weightBits / 32) + 3500, `${small} of ${float}`);
      const theirs = await runElsewhere(path, { x: input(rank) });
      if (theirs) t.true(error(mine, theirs.y) <= bound, `${error(mine, theirs.y)}`);
    });
  }
}

test('convolutions have a scale for each channel; what does not go together is refused', async (t) => {
  const { graph } = await weightsOnly({ weightGroup: 32, weightBits: 4 }, smallNet());
  const lowered = lowerInteger(graph).graph.nodes.map(({ op }) => op.name);
  t.true(lowered.includes('lowbitConv2dFloat') && lowered.includes('lowbitGemmFloat'));
  const refused = (options: object, message: RegExp) => faultsLater(t, () => weightsOnly(options as QuantizeOptions), 'option', message);
  await refused({ weightGroup: 48 }, /weightGroup is 48, expected one of 32, 64, 128/);
  await refused({ weightGroup: 32, activations: 'uint8' }, /weightGroup is 32, expected to be left out because activations are no "float"/);
  await refused({ weightGroup: 32, rounding: 'adaround' }, /weightGroup is 32, expected to be left out because rounding is "adaround"/);
  await refused({ weightGroup: 32, perTensor: true }, /perTensor is true, expected to be left out because weightGroup is set/);
  await refused(
    { weightGroup: 32, correctBias: 'empirical' },
    /correctBias is "empirical", expected to be left out because weightGroup is set/,
  );
  await refused({ smooth: true }, /smooth is true, expected to be left out because activations are "float"/);
  await refused({ activationBits: 16 }, /activationBits is 16, expected to be left out because activations are "float"/);
  const { graph: grouped } = await weightsOnly({ weightGroup: 32 });
  t.throws(() => toOnnx(grouped, { opset: 17 }), { message: /DequantizeLinear as it is here needs opset 21, not 17/ });
});
