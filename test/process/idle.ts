// Work on the other thread keeps the process alive until it is done, and not longer.
import { matmul, offThread, type Tensor } from 'lowbit';
import { random } from '../ops/case.js';

const [a, b] = [random([256, 256]), random([256, 256])];
let done = 0;
for (let i = 0; i < 10; i++) void offThread(() => matmul(a, b)).then((y: Tensor) => (done += y.size / 256 ** 2));
process.on('exit', () => {
  if (done !== 10) process.exitCode = 1;
});
