import test from 'ava';
import { type FaultCode, Graph, LowbitError, ops, Tensor, verify } from 'lowbit';
import { faults } from '../faults.js';
import { smallNet } from './graphs.js';

const type = { dtype: 'float32', shape: [2] } as const;

/** Graphs that break one rule each. */
const broken: [rule: string, breakIt: (graph: Graph) => void, code: FaultCode, message: RegExp][] = [
  ['a value twice', ({ nodes }) => nodes.push(nodes[0]), 'graph', /value "conv" is defined twice/],
  ['an input twice', ({ inputs }) => inputs.push(inputs[0]), 'graph', /value "image" is defined twice/],
  ['a name twice', ({ nodes }) => Object.assign(nodes[1].output, { name: 'conv' }), 'graph', /two values are named "conv"/],
  ['the name of a constant', ({ nodes }) => Object.assign(nodes[1].output, { name: 'w1' }), 'graph', /two values are named "w1"/],
  ['an order that cannot run', ({ nodes }) => nodes.reverse(), 'graph', /node "linear" \(gemm\) reads "flat" before it is defined/],
  [
    'a cycle',
    ({ nodes }) => Object.assign(nodes[0], { inputs: [nodes[4].output, ...nodes[0].inputs.slice(1)] }),
    'graph',
    /reads "linear" before/,
  ],
  ['a value of nobody', (graph) => graph.constants.delete(graph.find('w1')), 'graph', /"conv" \(conv2d\) reads "w1" before it is defined/],
  [
    'a parameter of nobody',
    ({ nodes }) => Object.assign(nodes[3].params, { shape: { name: 's', hint: 's' } }),
    'graph',
    /reads "s" before/,
  ],
  [
    'too few inputs',
    ({ nodes }) => Object.assign(nodes[0], { inputs: nodes[0].inputs.slice(0, 2) }),
    'graph',
    /has 2 inputs, conv2d takes 3/,
  ],
  [
    'a stranger as producer',
    ({ nodes }) => Object.assign(nodes[1].output, { producer: nodes[0] }),
    'graph',
    /"active" does not know its node/,
  ],
  ['a disposed constant', (graph) => graph.constantOf(graph.find('b1'))!.dispose(), 'graph', /constant "b1" was disposed of/],
  ['an output of nobody', (graph) => graph.output('z', { name: 'z', hint: 'z' }), 'graph', /output "z" is not defined/],
  ['an output twice', (graph) => graph.output('y', graph.inputs[0]), 'graph', /two outputs are named "y"/],
  ['an unknown parameter', ({ nodes }) => Object.assign(nodes[0].params, { pad: 1 }), 'unknownOption', /did you mean "pads"/],
  ['a missing parameter', ({ nodes }) => Object.assign(nodes[2], { params: {} }), 'parameter', /kernel is undefined/],
  [
    'types that do not fit',
    ({ inputs }) => Object.assign(inputs[0], { type: { dtype: 'float32', shape: [1, 6, 6, 2] } }),
    'shape',
    /conv2d/,
  ],
  [
    'an element type',
    ({ inputs }) => Object.assign(inputs[0], { type: { dtype: 'int8', shape: [1, 6, 6, 3] } }),
    'dtype',
    /conv2d: x is int8/,
  ],
];

test('a graph as it should be', (t) => t.notThrows(() => verify(smallNet())));

for (const [rule, breakIt, code, message] of broken) {
  test(`refused: ${rule}`, (t) => {
    const graph = smallNet();
    breakIt(graph);
    faults(t, () => verify(graph), code, message);
  });
}

test('names that are taken get a number, also when they are given again', (t) => {
  const graph = new Graph();
  const [a, b] = [graph.input('x', type), graph.constant(Tensor.scalar(1), 'x')];
  const c = graph.add(ops.add, [a, b], {}, 'x');
  t.deepEqual([a.name, b.name, c.name], ['x', 'x_1', 'x_2']);
  graph.rename(a, 'z');
  graph.rename(c, 'x');
  t.deepEqual([a.name, c.name, graph.find('x') === c], ['z', 'x', true]);
  t.throws(() => graph.find('nobody'), { instanceOf: LowbitError, message: /no value "nobody"/ });
  t.notThrows(() => verify(graph));
});
