/** The ONNX project's operator tests, where their data is present. */
import anyTest from 'ava';
import { foldBatchNorm, foldConstants, type Graph, importOnnx, toOnnx } from 'lowbit';
import { testFolder } from '../conformance/data.js';
import { expected } from '../conformance/expected.js';
import { findTests, runTest } from '../conformance/suite.js';

const folder = testFolder(undefined);
const test = folder ? anyTest : anyTest.skip;
const note = folder ? '' : ' (skipped: the data is not here)';

/** What may be done to a graph without changing what it computes. */
const changes: Record<string, (graph: Graph) => Graph> = {
  'as it is read': (graph) => graph,
  'written with the oldest opset that has all it needs, and read again': (graph) => importOnnx(written(graph)),
  'with constants and batch norms folded': (graph) => foldBatchNorm(foldConstants(graph)),
};

function written(graph: Graph): Uint8Array {
  for (const opset of [14, 17]) {
    try {
      return toOnnx(graph, { opset });
    } catch {
      // It needs a newer one.
    }
  }
  return toOnnx(graph, { opset: 21 });
}

for (const [how, change] of Object.entries(changes)) {
  test(`every conformance test of our operators passes ${how}${note}`, (t) => {
    const results = findTests(folder!).map((path) => runTest(path, change));
    const failures = results.filter(({ name, outcome }) => outcome === 'failed' && !expected.some(({ tests }) => tests.test(name)));
    t.deepEqual(failures, []);
    t.true(results.filter(({ outcome }) => outcome === 'passed').length > 0);
  });
}
