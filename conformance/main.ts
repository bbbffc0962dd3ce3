/**
 * `npm run conformance [-- FOLDER]`: runs the ONNX project's operator tests and says which pass.
 * It fails where a test whose operators are all in our list fails without standing in the table of expected failures.
 */
import { onnxOperators } from 'lowbit';
import { testFolder } from './data.js';
import { expected } from './expected.js';
import { findTests, type Result, runTest } from './suite.js';

const folder = testFolder(process.argv[2]);
if (!folder) {
  console.error('There are no conformance tests: name their folder as an argument or in LOWBIT_CONFORMANCE.');
  process.exit(2);
}

const results = findTests(folder).map((test) => runTest(test));
const count = (outcome: Result['outcome']) => results.filter((result) => result.outcome === outcome).length;
const reasonFor = ({ name }: Result) => expected.find(({ tests }) => tests.test(name))?.reason;

console.log('operator: passed/total, over the tests whose operators are all in our list');
for (const operator of [...onnxOperators].sort()) {
  const inside = results.filter((result) => result.outcome !== 'outside' && result.operators.includes(operator));
  console.log(`  ${operator}: ${inside.filter(({ outcome }) => outcome === 'passed').length}/${inside.length}`);
}

const failures = results.filter(({ outcome }) => outcome === 'failed');
const unexpected = failures.filter((result) => !reasonFor(result));
for (const result of failures) {
  const reason = reasonFor(result);
  console.log(`${reason ? 'expected' : 'FAILED'} ${result.name}: ${reason ?? result.reason}`);
}
console.log(
  `${results.length} tests: ${count('passed')} passed, ${failures.length} failed (${failures.length - unexpected.length} expected),`,
);
const fixed = results.filter((result) => result.outcome === 'passed' && result.fixed).length;
console.log(`${fixed} of the passed ones with axes or sizes as constants that the test leaves open,`);
console.log(`${count('outside')} outside of our list (operators or types that we do not have)`);
process.exitCode = unexpected.length || !count('passed') ? 1 : 0;
