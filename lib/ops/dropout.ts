/** Dropout (Srivastava et al., 2014): nothing when a model is used, a random mask when it is trained. */
import { type Check, defineOp, type Op, required } from '../op.js';
import { isReal } from '../shape.js';

function checkRate(rate: number, check: Check): void {
  check.param(rate >= 0 && rate < 1, 'rate', rate, 'a number from 0, below 1');
}

/** x itself, of any type: where training drops elements with probability `rate`. */
export const dropout = defineOp({
  name: 'dropout',
  byRows: true,
  inputs: ['x'],
  params: { rate: 0.5 },
  infer([x], { rate }, check) {
    checkRate(rate, check);
    return x;
  },
  permute: (params) => params,
  movesElements: true,
  scalesThrough: true,
  propagate: ([x]) => x,
  grad: (dy) => [() => dy],
});

/**
 * x / (1 − rate) where a random mask keeps it, else 0. Element i is kept where word i % 4 of Philox4x32-10 with the key (seed low, seed
 * high) and the counter (i / 4, 0, step, stream) is at least rate·2^32. The gradient is the same function of dy, for as long as state
 * does not change.
 * @param x real, of any shape
 * @param state [seed low, seed high, step], int32 or uint32
 * @param params.stream a number below 2^32 that tells the dropouts of a model apart
 */
export const dropoutTraining: Op<readonly ['x', 'state'], { rate: number; stream: number }> = defineOp({
  name: 'dropoutTraining',
  inputs: ['x', 'state'],
  params: { rate: 0.5, stream: required<number>() },
  infer([x, state], { rate, stream }, check) {
    check.dtype(isReal(x.dtype), 'x', x, 'float32, float64, float16 or bfloat16');
    check.dtype(state.dtype === 'int32' || state.dtype === 'uint32', 'state', state, 'int32 or uint32');
    check.shape(state.shape.length === 1 && state.shape[0] === 3, 'state', state, '[3]', 'it is seed low, seed high and step');
    checkRate(rate, check);
    check.param(Number.isInteger(stream) && stream >= 0 && stream < 2 ** 32, 'stream', stream, 'a whole number from 0, below 2^32');
    return x;
  },
  grad: (dy, { inputs: [, state], params }) => [() => dropoutTraining(dy, state, params), undefined],
});
