import test from 'ava';
import { cancelTransposes, foldConstants, type Graph, importOnnx, print, removeDead, run, toOnnx, verify } from 'lowbit';
import { Dice } from '../dice.js';
import { randomGraph, wholeNumbers } from './randomGraph.js';

const count = Number(process.env.LOWBIT_GRAPHS ?? 400);

const passes: Record<string, (graph: Graph) => Graph> = {
  cancelTransposes,
  foldConstants,
  removeDead,
  'toOnnx, importOnnx': (graph) => importOnnx(toOnnx(graph, { opset: 17 })),
  'toOnnx, importOnnx at opset 13': (graph) => importOnnx(toOnnx(graph, { opset: 13 })),
};

for (const [name, pass] of Object.entries(passes)) {
  test(`${name}: ${count} random graphs compute what they did`, (t) => {
    for (let seed = 1; seed <= count; seed++) {
      const dice = new Dice(seed);
      const graph = randomGraph(dice, 3 + dice.below(8));
      const x = wholeNumbers(graph.inputs[0].type!.shape, dice);
      const want = run(graph, { x });
      try {
        const after = pass(graph);
        verify(after);
        const got = run(after, { x });
        for (const name of ['y', 'z'])
          t.deepEqual([got[name].shape, [...got[name].data()].map(Number)], [want[name].shape, [...want[name].data()].map(Number)]);
      } catch (error) {
        t.fail(`graph ${seed}\n${print(graph)}\n${error}`);
        return;
      }
    }
  });
}
