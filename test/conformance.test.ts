/** The ONNX project's operator tests, where their data is present. */
import anyTest from 'ava';
import { testFolder } from '../conformance/data.js';
import { expected } from '../conformance/expected.js';
import { findTests, runTest } from '../conformance/suite.js';

const folder = testFolder(undefined);
const test = folder ? anyTest : anyTest.skip;

test(`every conformance test of our operators passes${folder ? '' : ' (skipped: the data is not here)'}`, (t) => {
  const results = findTests(folder!).map(runTest);
  const failures = results.filter(({ name, outcome }) => outcome === 'failed' && !expected.some(({ tests }) => tests.test(name)));
  t.deepEqual(failures, []);
  t.true(results.filter(({ outcome }) => outcome === 'passed').length > 0);
});
