/** From float to a file of integers and back, for networks of many kinds. */
import test from 'ava';
import { type Graph, importOnnx, lowerInteger, type QuantizeOptions, quantize, run, scope, Tensor, toOnnx } from 'lowbit';
import { transformer } from '../graph/transformer.js';
import { randomNumbers } from '../ops/case.js';
import { networks } from './networks.js';

/** Numbers of each output. */
type Outputs = Record<string, number[]>;

function samples(graph: Graph, count: number, seed: number): Tensor {
  const shape = [count, ...graph.inputs[0].type!.shape.slice(1)];
  return Tensor.from(
    randomNumbers(
      shape.reduce((a, b) => a * b, 1),
      -1,
      1,
      seed,
    ),
    shape,
  );
}

const outputsOf = (graph: Graph, x: Tensor): Outputs =>
  scope(() => Object.fromEntries(Object.entries(run(graph, { x })).map(([name, y]) => [name, y.toNumbers()])));

/** 10·log10(signal / noise) of b against a, of the output that has the least. */
function decibels(a: Outputs, b: Outputs): number {
  const squares = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number * number, 0);
  return Math.min(
    ...Object.entries(a).map(
      ([name, numbers]) => 10 * Math.log10(squares(numbers) / squares(numbers.map((number, i) => number - b[name][i]))),
    ),
  );
}

const quantized = (graph: Graph, options: QuantizeOptions = {}) =>
  quantize(
    graph,
    async function* () {
      yield { x: samples(graph, 16, 3) };
    },
    options,
  );

/** What the outputs of a detector have to keep; a code of 8 bits leaves 40 dB and more, and each of some ten layers adds its noise. */
const wanted = 20;
/** 4 bits a weight leave 15 to 20 dB of a layer. */
const wantedOf4Bits = 5;

const products = ['conv2d', 'gemm', 'matmul'];

for (const build of [...networks, () => transformer({ reach: 1 })]) {
  const graph = build();
  test(`${graph.name}: quantized, lowered, written and read again`, async (t) => {
    const { graph: qdq, layers, float } = await quantized(graph);
    t.deepEqual(
      float.filter(({ op }) => op !== 'convTranspose2d'), // has no integer kernel
      [],
    );
    t.true(layers.length >= 4);
    const { graph: lowered, float: left } = lowerInteger(qdq);
    t.deepEqual(
      left.filter(({ op }) => products.includes(op)),
      [],
    );
    const x = samples(graph, 5, 4);
    const [real, integer] = [graph, lowered].map((each) => outputsOf(each, x));
    t.true(decibels(real, integer) >= wanted, `${decibels(real, integer)} dB`);
    // The file has images the other way round, and a transpose before them.
    const again = importOnnx(toOnnx(qdq));
    t.deepEqual(outputsOf(lowerInteger(again).graph, x), integer);
  });

  test(`${graph.name}: with one scale a weight, equalized and corrected, and in 4 bits`, async (t) => {
    const x = samples(graph, 5, 4);
    const real = outputsOf(graph, x);
    const noise = async (options: QuantizeOptions) =>
      decibels(real, outputsOf(lowerInteger((await quantized(graph, options)).graph).graph, x));
    const options: QuantizeOptions = { perTensor: true, equalize: true, absorbBias: true, correctBias: 'empirical' };
    t.true((await noise(options)) >= wanted - 6);
    t.true((await noise({ weightBits: 4, rounding: 'adaround', adaround: { iterations: 20 } })) >= wantedOf4Bits);
  });
}
