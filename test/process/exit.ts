// The process leaves while ops run and wait on the other thread.
import { matmul, offThread } from 'lowbit';
import { random } from '../ops/case.js';

const [a, b] = [random([256, 256]), random([256, 256])];
for (let i = 0; i < 100; i++) void offThread(() => matmul(a, b));
setTimeout(() => process.exit(7), 5);
