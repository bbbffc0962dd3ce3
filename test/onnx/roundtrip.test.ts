import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  type AnyOp,
  allOps,
  type Dtype,
  encodeModel,
  Graph,
  importOnnx,
  LowbitError,
  lowerInteger,
  onnxMessage,
  ops,
  print,
  quantize,
  readModel,
  run,
  runOp,
  Tensor,
  toOnnx,
  type Value,
  verify,
  writeModel,
} from 'lowbit';
import { faults } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { randomImages, smallNet } from '../graph/graphs.js';
import { bytesOf, type Case } from '../ops/case.js';
import { cases } from '../ops/cases.js';

const opsets = [7, 9, 10, 11, 13, 15, 18, 21];
const largest = 4096;

/** The op on its case's inputs; those that an operator wants constant are. */
function graphOf(name: string, { params }: Case, inputs: readonly Tensor[], constant: boolean): Graph {
  const graph = new Graph(name);
  const values = inputs.map((tensor, i) =>
    constant && i > 0 ? graph.constant(tensor, `c${i}`) : graph.input(`x${i}`, { dtype: tensor.dtype, shape: tensor.shape }),
  );
  graph.output('y', graph.add(allOps.get(name)!, values, params as never));
  return graph;
}

// Where the file says it in other words, or with attributes of float32: rounding in another place, relative to what is computed.
const inOtherWords = [
  'gelu',
  'mish',
  'silu',
  'hardSwish',
  'layerNorm',
  'resample',
  'gemm',
  'batchNorm',
  'hardSigmoid',
  'leakyRelu',
  'elu',
  'celu',
];
const boundOf = (name: string, dtype: Dtype) =>
  !inOtherWords.includes(name) ? 0 : dtype === 'float16' || dtype === 'bfloat16' ? 2 ** -6 : 2 ** -16;

const exported = Object.keys(cases).filter((name) => !name.startsWith('q') || name === 'quantize');

for (const name of exported) {
  test(`${name} through files of every opset`, (t) => {
    const seen = new Set<string>();
    for (const entry of cases[name]) {
      const inputs = entry.inputs();
      if (inputs.some((tensor) => tensor.size > largest)) continue;
      const want = runOp(allOps.get(name)!, inputs, entry.params);
      for (const opset of opsets) {
        for (const constant of [false, true]) {
          const graph = graphOf(name, entry, inputs, constant);
          const title = `${entry.note ?? ''} opset ${opset}\n${print(graph)}`;
          const back = again(graph, opset);
          if (typeof back === 'string') {
            seen.add(back);
            continue;
          }
          seen.add('read');
          const fed = Object.fromEntries(graph.inputs.map(({ name }) => [name, inputs[Number(name.slice(1))]]));
          const got = run(back, fed).y;
          const problem = difference(got, want, boundOf(name, want.dtype));
          if (problem) return t.fail(`${title}\n${print(back)}\n${problem}`);
        }
      }
    }
    t.true(seen.has('read') || [...seen].every((reason) => /no operator for it/.test(reason)), [...seen].join('\n'));
  });
}

/** The graph as it comes back from a file, or why it cannot be written. A file that was written must be read. */
function again(graph: Graph, opset: number): Graph | string {
  let bytes: Uint8Array;
  try {
    bytes = toOnnx(graph, { opset, weights: 'packed' });
  } catch (error) {
    if (error instanceof LowbitError && error.code === 'unsupported') return error.message;
    throw error;
  }
  try {
    const back = importOnnx(bytes);
    verify(back);
    return back;
  } catch (error) {
    throw new Error(`${print(graph)} at opset ${opset}: ${error}`);
  }
}

function difference(got: Tensor, want: Tensor, bound: number): string | undefined {
  if (got.dtype !== want.dtype || got.shape.join() !== want.shape.join()) return `${got}, expected ${want}`;
  if (bytesOf(got.data()).equals(bytesOf(want.data()))) return undefined;
  const [gotNumbers, wantNumbers] = [got.toNumbers(), want.toNumbers()];
  const at = wantNumbers.findIndex((b, i) => {
    const a = gotNumbers[i];
    return a !== b && !(Number.isNaN(a) && Number.isNaN(b)) && !(Math.abs(a - b) <= bound * Math.max(1, Math.abs(b)));
  });
  return at < 0 ? undefined : `element ${at} is ${gotNumbers[at]}, expected ${wantNumbers[at]}`;
}

test('a quantized graph keeps its codes, its scales and its numbers', async (t) => {
  const image = randomImages(3);
  const { graph } = await quantize(smallNet(), async function* () {
    yield { image: randomImages(9) };
  });
  const back = importOnnx(toOnnx(graph));
  const held = (each: Graph) =>
    [...each.constants.values()].filter(({ dtype }) => dtype !== 'int64').map((tensor) => `${tensor.dtype} ${[...tensor.data()].sort()}`);
  t.deepEqual(held(back).sort(), held(graph).sort());
  t.deepEqual(run(back, { image }).y.data(), run(graph, { image }).y.data());
  const [before, after] = [graph, back].map((each) => lowerInteger(each));
  t.deepEqual(after.float, before.float);
  t.deepEqual(run(after.graph, { image }).y.data(), run(before.graph, { image }).y.data());
});

test('bytes are the same every time, names of inputs, dimensions and outputs stay', (t) => {
  const bytes = toOnnx(smallNet());
  t.deepEqual(toOnnx(smallNet()), bytes);
  const { inputs, outputs } = importOnnx(bytes);
  t.deepEqual(
    inputs.map(({ name, type, dims }) => [name, type?.shape, dims?.[0]]),
    [['image', [Number.NaN, 6, 6, 3], 'N']],
  );
  t.deepEqual(
    outputs.map(({ name }) => name),
    ['y'],
  );
  t.deepEqual(toOnnx(importOnnx(toOnnx(importOnnx(bytes)))), toOnnx(importOnnx(bytes)), 'after one round nothing changes any more');
});

test('one value as several outputs, an input and a constant as outputs', (t) => {
  const graph = new Graph();
  const x = graph.input('x', { dtype: 'float32', shape: [2, 3] });
  const y = graph.add(ops.relu, [x]);
  const turned = graph.add(ops.transpose, [y], { perm: [1, 0] });
  for (const [name, value] of Object.entries({ a: y, b: y, turned, t2: turned, x, c: graph.constant(Tensor.from([7])) }))
    graph.output(name, value);
  const input = Tensor.from([1, -2, 3, -4, 5, -6], [2, 3]);
  const [got, want] = [importOnnx(toOnnx(graph)), graph].map((each) => run(each, { x: input }));
  for (const name of Object.keys(want)) t.deepEqual([got[name].shape, got[name].data()], [want[name].shape, want[name].data()], name);
});

test('weights that are listed as inputs, and weights beside the model', (t) => {
  const image = randomImages(2);
  const want = run(smallNet(), { image }).y.data();
  const model = readModel(toOnnx(smallNet()));
  const { graph } = model.proto;
  for (const { name, dataType, dims } of graph!.initializer) {
    const dim = dims.map((value) => ({ value: { case: 'dimValue' as const, value } }));
    const type = { value: { case: 'tensorType' as const, value: { elemType: dataType, shape: { dim } } } };
    graph!.input.push(onnxMessage('ValueInfoProto', { name, type }));
  }
  const listed = importOnnx(encodeModel(model));
  t.is(listed.inputs.length, 1);
  t.deepEqual(run(listed, { image }).y.data(), want);
  const path = join(temporaryFolder(), 'm.onnx');
  writeModel(path, readModel(toOnnx(smallNet())), { externalData: true });
  t.deepEqual(run(importOnnx(path), { image }).y.data(), want);
  rmSync(`${path}.data`, { force: true });
  if (readFileSync(path).includes('m.onnx.data')) faults(t, () => importOnnx(path), 'file', /m\.onnx\.data: there is no such file/);
});

test('what the format cannot say is named', (t) => {
  const lowered = new Graph();
  const codes = lowered.input('x', { dtype: 'uint8', shape: [2] });
  const params = { qmin: 0, qmax: 255, dtype: 'uint8', multiplier: 1 };
  lowered.output('y', lowered.add(ops.requantize, [codes], params, 'first'));
  faults(t, () => toOnnx(lowered), 'unsupported', /node "first" \(requantize\): the format has no operator for it/);
  faults(t, () => toOnnx(smallNet(), { opset: 6 }), 'option', /opset is 6, expected a whole number from 7 to 21/);
  faults(t, () => toOnnx(smallNet(), { opst: 7 } as object), 'unknownOption', /did you mean "opset"/);
  const twins = new Graph();
  twins.output('x', twins.add(ops.relu, [twins.input('x', { dtype: 'float32', shape: [1] })]));
  faults(t, () => toOnnx(twins), 'graph', /"x" is an input and another value as output/);
});

const newer: [op: AnyOp, params: object, opset: number][] = [
  [ops.celu, {}, 12],
  [ops.argMax, { axis: 0, selectLast: true }, 12],
  [ops.trilu, {}, 14],
  [ops.round, {}, 11],
  [ops.maxPool2d, { kernel: [2, 2], strides: [2, 2], ceil: true }, 10],
];

test('operators and attributes that an opset does not have yet are refused', (t) => {
  for (const [op, params, opset] of newer) {
    const graph = new Graph();
    graph.output('y', graph.add(op, [graph.input('x', { dtype: 'float32', shape: [1, 3, 3, 3] })], params as never));
    t.notThrows(() => toOnnx(graph, { opset }));
    faults(t, () => toOnnx(graph, { opset: opset - 1 }), 'unsupported', new RegExp(`needs opset ${opset}, not ${opset - 1}`));
  }
});

const values: [what: string, build: (graph: Graph, x: Value, p: Value) => Value, p: Tensor, oldest: number][] = [
  ['clip', (g, x, min) => g.add(ops.clip, [x], { min, max: 3 }), Tensor.scalar(2), 11],
  ['pad', (g, x, value) => g.add(ops.pad, [x], { pads: [0, 1, 0, 0], value }), Tensor.scalar(9), 11],
  [
    'slice along an axis',
    (g, x, starts) => g.add(ops.slice, [x], { starts, ends: [9], axes: [1], steps: [2] }),
    Tensor.from([1], undefined, 'int64'),
    10,
  ],
  ['reshape', (g, x, shape) => g.add(ops.reshape, [x], { shape }), Tensor.from([3, 2], undefined, 'int64'), 7],
  ['tile', (g, x, repeats) => g.add(ops.tile, [x], { repeats }), Tensor.from([2, 1], undefined, 'int64'), 7],
  ['trilu', (g, x, k) => g.add(ops.trilu, [x], { k }), Tensor.scalar(1, 'int64'), 14],
];

for (const [what, build, p, oldest] of values) {
  test(`parameters that are read when the graph runs go through files: ${what}`, (t) => {
    const graph = new Graph();
    const x = graph.input('x', { dtype: 'float32', shape: [2, 3] });
    graph.output('y', build(graph, x, graph.input('p', { dtype: p.dtype, shape: p.shape })));
    const inputs = { x: Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]), p };
    const want = run(graph, inputs).y;
    for (const opset of opsets) {
      const back = again(graph, opset);
      if (typeof back === 'string') t.true(opset < oldest, back);
      else t.is(difference(run(back, inputs).y, want, 0), undefined);
    }
  });
}
