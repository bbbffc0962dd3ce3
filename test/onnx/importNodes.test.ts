/** Nodes that stand for other nodes: the branches of an If, functions of the file. */
import test from 'ava';
import {
  AttributeType,
  encodeModel,
  importOnnx,
  type ModelProto,
  type NodeProto,
  onnxMessage,
  type Shape,
  Tensor,
  tensorToProto,
} from 'lowbit';
import { faults } from '../faults.js';
import { float, runGraph } from './node.js';

type Attributes = Record<string, object>;

const node = (opType: string, input: string[], output: string[], attributes: Attributes = {}, domain = ''): NodeProto =>
  onnxMessage('NodeProto', {
    ...{ opType, input, output, domain, name: `the ${opType}` },
    attribute: Object.entries(attributes).map(([name, value]) => onnxMessage('AttributeProto', { name, ...value })),
  });

const outputs = (...names: string[]) => names.map((name) => onnxMessage('ValueInfoProto', { name }));

/** x of four numbers to y. */
function model(nodes: NodeProto[], more: Partial<ModelProto> = {}, shape: Shape = [1, 4]): Uint8Array {
  const dim = shape.map((n) => ({ value: { case: 'dimValue' as const, value: BigInt(n) } }));
  const proto = onnxMessage('ModelProto', {
    irVersion: 8n,
    opsetImport: [
      { domain: '', version: 13n },
      { domain: 'mine', version: 1n },
    ],
    graph: {
      name: 'net',
      node: nodes,
      initializer: [tensorToProto('four', 'int64', [], BigInt64Array.of(4n)), tensorToProto('one', 'int64', [], BigInt64Array.of(1n))],
      input: [{ name: 'x', type: { value: { case: 'tensorType', value: { elemType: 1, shape: { dim } } } } }],
      output: outputs('y'),
    },
    ...more,
  });
  return encodeModel({ proto });
}

const branch = (nodes: NodeProto[], result: string, initializer = [tensorToProto('two', 'float32', [], Float32Array.of(2))]) => ({
  type: AttributeType.GRAPH,
  g: onnxMessage('GraphProto', { name: 'branch', node: nodes, initializer, output: outputs(result) }),
});
const doubled = branch([node('Mul', ['x', 'two'], ['inner'])], 'inner');
const negated = branch([node('Neg', ['x'], ['inner'])], 'inner');
const x = Tensor.from([1, -2, 3, -4], [1, 4]);

test('an If whose condition follows from shapes is the branch that it takes', (t) => {
  const choice = (size: string) => [
    node('Shape', ['x'], ['shape']),
    node('Gather', ['shape', 'one'], ['width']),
    node('Equal', ['width', size], ['is']),
    node('If', ['is'], ['y'], { then_branch: doubled, else_branch: negated }),
  ];
  const [taken, other] = ['four', 'one'].map((size) => importOnnx(model(choice(size))));
  t.deepEqual(
    [taken, other].map(({ nodes }) => nodes.map(({ op }) => op.name)),
    [['mul'], ['neg']],
  );
  t.deepEqual(runGraph(taken, [x])[0].toNumbers(), [2, -4, 6, -8]);
  t.is(taken.outputs[0].name, 'y');
});

test('an If that depends on the data is refused, and one of which a branch cannot be read only where it is taken', (t) => {
  const reads = (input: string, then: typeof doubled) =>
    model([
      node('Cast', [input], ['is'], { to: { type: AttributeType.INT, i: 9n } }),
      node('If', ['is'], ['y'], { then_branch: then, else_branch: negated }),
    ]);
  faults(t, () => importOnnx(reads('x', doubled)), 'unsupported', /"the If" \(If\): its condition is computed while the model runs/);
  const unknown = branch([node('Loop', ['x'], ['inner'])], 'inner');
  faults(t, () => importOnnx(reads('one', unknown)), 'unsupported', /"the Loop" \(Loop\): loops are not supported/);
  t.is(importOnnx(reads('one', doubled)).nodes.length, 1);
});

test('functions of the file are read in the place of their calls, with the attributes of each', (t) => {
  const scaled = onnxMessage('FunctionProto', {
    ...{ name: 'Leaky', domain: 'mine', input: ['a'], output: ['c'], opsetImport: [{ domain: '', version: 13n }] },
    attribute: ['slope'],
    node: [node('LeakyRelu', ['a'], ['b'], { alpha: { type: AttributeType.FLOAT, refAttrName: 'slope' } }), node('Neg', ['b'], ['c'])],
  });
  const calls = [node('Leaky', ['x'], ['h'], { slope: float(0.5) }, 'mine'), node('Leaky', ['h'], ['y'], { slope: float(0.25) }, 'mine')];
  const graph = importOnnx(model(calls, { functions: [scaled] }));
  t.deepEqual(runGraph(graph, [x])[0].toNumbers(), [0.25, -1, 0.75, -2]);
  const missing = onnxMessage('FunctionProto', { ...scaled, node: [node('Nothing', ['a'], ['c'])] });
  faults(t, () => importOnnx(model(calls, { functions: [missing] })), 'unsupported', /\(Nothing\): this operator is not supported/);
});

test('functions that call themselves, or each other without end, are refused', (t) => {
  const body = (name: string, ...called: string[]) =>
    onnxMessage('FunctionProto', {
      ...{ name, domain: 'mine', input: ['a'], output: ['c'], opsetImport: [{ domain: 'mine', version: 1n }] },
      node: called.map((other, i) => node(other, [i ? `b${i}` : 'a'], [i === called.length - 1 ? 'c' : `b${i + 1}`], {}, 'mine')),
    });
  const call = [node('F0', ['x'], ['y'], {}, 'mine')];
  faults(
    t,
    () => importOnnx(model(call, { functions: [body('F0', 'F0')] })),
    'unsupported',
    /the F0\/the F0" \(F0\): this operator is not supported/,
  );
  const tower = Array.from({ length: 40 }, (_, i) => body(`F${i}`, `F${i + 1}`, `F${i + 1}`));
  const end = body('F40');
  end.opsetImport = [onnxMessage('OperatorSetIdProto', { domain: '', version: 13n })];
  end.node = [node('Neg', ['a'], ['c'])];
  faults(t, () => importOnnx(model(call, { functions: [...tower, end] })), 'unsupported', /call each other too often/);
});

test('what a network may do instead is said of recurrence and of post-processing', (t) => {
  const refused = (type: string, message: RegExp) => faults(t, () => importOnnx(model([node(type, ['x'], ['y'])])), 'unsupported', message);
  refused('LSTM', /recurrent layers/);
  refused('NonMaxSuppression', /export the model without its post-processing/);
});
