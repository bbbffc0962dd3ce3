import test from 'ava';
import { add, batchNorm, dropout, Graph, print, relu, Tensor, Trainable, trainingForm, verify } from 'lowbit';

/** Two batch normalizations that share a name, a sum, and dropout. */
function network(): Graph {
  const graph = new Graph('net');
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, 3] });
  const ones = (name: string) => graph.constant(Tensor.from([1, 1, 1]), name);
  const norm = (from: typeof x, i: number) =>
    graph.add(batchNorm, [from, ones(`scale${i}`), ones(`bias${i}`), ones(`mean${i}`), ones(`variance${i}`)], {}, 'norm');
  const first = graph.add(relu, [norm(x, 1)]);
  const second = norm(graph.add(dropout, [first], { rate: 0.25 }), 2);
  graph.output('y', graph.add(relu, [graph.add(add, [second, first])]));
  return graph;
}

test('statistics of the batch, ReLUs in the same pass, random dropout', (t) => {
  const { graph, statistics, random } = trainingForm(network());
  verify(graph);
  t.is(random, 'random');
  t.deepEqual(
    statistics.map(({ output, axis }) => [output, axis]),
    [
      ['norm.statistics', -1],
      ['norm.statistics_1', -1],
    ],
  );
  t.deepEqual(
    print(graph)
      .split('\n')
      .map((line) => line.trim()),
    [
      'graph net(x: float32[?, 3], random: uint32[3])',
      'norm.statistics = batchStatistics(x): float32[2, 3]',
      'norm = batchNormTraining(x, scale1: float32[3], bias1: float32[3], norm.statistics, activation=relu): float32[?, 3]',
      'dropout = dropoutTraining(norm, random, rate=0.25, stream=0): float32[?, 3]',
      'norm.statistics_1 = batchStatistics(dropout): float32[2, 3]',
      'norm_1 = batchNormTraining(dropout, scale2: float32[3], bias2: float32[3], norm.statistics_1): float32[?, 3]',
      'add = addRelu(norm_1, norm): float32[?, 3]',
      'return norm.statistics',
      'return norm.statistics_1',
      'return y = add',
    ],
  );
});

test('a norm that is frozen keeps its statistics, one of the same name does not', (t) => {
  const { form, parameters } = new Trainable(network(), { freeze: ['scale1', 'bias1'] });
  t.deepEqual([...parameters.keys()], ['scale2', 'bias2']);
  t.deepEqual(form.statistics.length, 1);
  t.deepEqual(
    form.graph.nodes.map(({ op }) => op.name),
    ['batchNorm', 'relu', 'dropoutTraining', 'batchStatistics', 'batchNormTraining', 'addRelu'],
  );
});
