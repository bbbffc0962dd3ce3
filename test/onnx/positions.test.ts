/** Operators that look at the positions of elements: OneHot, EyeLike, Hardmax, ReverseSequence; and Shrink. */
import test, { type ExecutionContext } from 'ava';
import { DataType, type Dtype, encodeModel, importOnnx, type Shape, Tensor } from 'lowbit';
import { faults } from '../faults.js';
import { float, int, runGraph, runNode } from './node.js';
import { nodeModel as freeModel, type Operand } from './operators.js';

function gives(t: ExecutionContext, y: Tensor, shape: Shape, elements: readonly number[], dtype: Dtype = 'float32'): void {
  t.deepEqual([y.dtype, y.shape, y.toNumbers()], [dtype, shape, [...elements]]);
}

test('OneHot counts from both ends, and what is outside is on nowhere', (t) => {
  for (const dtype of ['int64', 'int8', 'float32'] as Dtype[]) {
    const indices = Tensor.from([0, -1, 3, -4, 1], undefined, dtype);
    const [y] = runNode('OneHot', [indices, Tensor.scalar(3, 'int64'), Tensor.from([2, 7], undefined, 'int32')]);
    gives(t, y, [5, 3], [7, 2, 2, 2, 2, 7, 2, 2, 2, 2, 2, 2, 2, 7, 2], 'int32');
  }
  const most = Tensor.from(BigUint64Array.of(2n ** 64n - 1n, 2n), [2]);
  const [y] = runNode('OneHot', [most, Tensor.scalar(3, 'float32'), Tensor.from([0, 1])]);
  gives(t, y, [2, 3], [0, 0, 0, 0, 0, 1]);
});

test('OneHot along each axis, with depth and values that are read when it runs', (t) => {
  const inputs = [Tensor.from([0, 1, 1], [1, 3], 'int64'), Tensor.from([2], [1], 'int64'), Tensor.from([0, 1])];
  for (const constants of [[1, 2], []]) {
    const along = (axis: number) => runNode('OneHot', inputs, { constants, attributes: { axis: int(axis) } })[0];
    gives(t, along(0), [2, 1, 3], [1, 0, 0, 0, 1, 1]);
    gives(t, along(-2), [1, 2, 3], [1, 0, 0, 0, 1, 1]);
    gives(t, along(-1), [1, 3, 2], [1, 0, 0, 1, 0, 1]);
  }
  faults(t, () => runNode('OneHot', inputs, { attributes: { axis: int(3) } }), 'unsupported', /axis 3 is out of range for 3 dimensions/);
});

test('EyeLike on any diagonal, in the type of its input or another', (t) => {
  const x = Tensor.from([9, 9, 9, 9, 9, 9], [2, 3], 'int32');
  gives(t, runNode('EyeLike', [x])[0], [2, 3], [1, 0, 0, 0, 1, 0], 'int32');
  gives(t, runNode('EyeLike', [x], { attributes: { k: int(2), dtype: int(DataType.FLOAT) } })[0], [2, 3], [0, 0, 1, 0, 0, 0]);
  gives(t, runNode('EyeLike', [x], { attributes: { k: int(-1) } })[0], [2, 3], [0, 0, 0, 1, 0, 0], 'int32');
  gives(t, runNode('EyeLike', [x], { attributes: { k: int(9) } })[0], [2, 3], [0, 0, 0, 0, 0, 0], 'int32');
  faults(t, () => runNode('EyeLike', [Tensor.from([1])]), 'unsupported', /1 dimensions, not the 2 of a matrix/);
});

test('Hardmax is 1 at the first of the largest, before opset 13 over all that is behind its axis', (t) => {
  const x = Tensor.from([1, 3, 3, 2, 5, 5, 5, 0], [2, 2, 2]);
  gives(t, runNode('Hardmax', [x])[0], [2, 2, 2], [0, 1, 1, 0, 1, 0, 1, 0]);
  gives(t, runNode('Hardmax', [x], { attributes: { axis: int(0) } })[0], [2, 2, 2], [0, 0, 0, 1, 1, 1, 1, 0]);
  gives(t, runNode('Hardmax', [x], { opset: 11 })[0], [2, 2, 2], [0, 1, 0, 0, 1, 0, 0, 0]);
  gives(t, runNode('Hardmax', [x], { opset: 11, attributes: { axis: int(-1) } })[0], [2, 2, 2], [0, 1, 1, 0, 1, 0, 1, 0]);
});

test('ReverseSequence turns the beginning of each sequence', (t) => {
  const lengths = Tensor.from([3, 0, 2], undefined, 'int64');
  const x = Tensor.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [3, 4], 'int8');
  const attributes = { batch_axis: int(0), time_axis: int(1) };
  const want = [3, 2, 1, 4, 5, 6, 7, 8, 10, 9, 11, 12];
  gives(t, runNode('ReverseSequence', [x, lengths], { attributes })[0], [3, 4], want, 'int8');
  // The other way round, time first and with an inner axis.
  const columns = Tensor.from([1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12], [4, 3, 1]);
  const turned = [3, 5, 10, 2, 6, 9, 1, 7, 11, 4, 8, 12];
  for (const constants of [[1], []]) gives(t, runNode('ReverseSequence', [columns, lengths], { constants })[0], [4, 3, 1], turned);
  const long = Tensor.from([5, 1, 1], undefined, 'int64');
  faults(t, () => runNode('ReverseSequence', [x, long], { attributes, constants: [] }), 'data', /outside axis 1/);
  faults(
    t,
    () => runNode('ReverseSequence', [x, lengths], { attributes: { batch_axis: int(1), time_axis: int(1) } }),
    'unsupported',
    /0 and 1/,
  );
  faults(t, () => runNode('ReverseSequence', [Tensor.from([1]), lengths]), 'unsupported', /1 dimension/);
});

test('free dimensions are read when the model runs', (t) => {
  const free = (type: string, operands: Operand[], attributes = {}) =>
    importOnnx(encodeModel({ proto: freeModel(type, { operands, attributes }) }));
  const [x, n] = [Tensor.from([1, 3, 2, 6, 5, 4], [2, 3]), Number.NaN];
  const of = (...shape: number[]): Operand => ({ shape });
  gives(t, runGraph(free('Hardmax', [of(n, n)]), [x])[0], [2, 3], [0, 1, 0, 1, 0, 0]);
  gives(t, runGraph(free('EyeLike', [of(n, n)], { k: 1n }), [x])[0], [2, 3], [0, 1, 0, 0, 0, 1]);
  const graph = free('ReverseSequence', [of(n, n), { shape: [n], dtype: 'int64' }], { batch_axis: 0n, time_axis: 1n });
  gives(t, runGraph(graph, [x, Tensor.from([2, 3], undefined, 'int64')])[0], [2, 3], [3, 1, 2, 4, 5, 6]);
});

test('Shrink moves toward 0', (t) => {
  const x = Tensor.from([-3, -0.5, 0, 0.5, 3, Number.NaN]);
  gives(t, runNode('Shrink', [x])[0], [6], [-3, 0, 0, 0, 3, 0]);
  const attributes = { bias: float(1), lambd: float(0.25) };
  gives(t, runNode('Shrink', [x], { attributes })[0], [6], [-2, 0.5, 0, -0.5, 2, 0]);
  faults(t, () => runNode('Shrink', [Tensor.from([1], [1], 'int32')]), 'unsupported', /it needs the number 0.5, which is no int32/);
});
