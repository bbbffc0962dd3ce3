/** Operators that other tools make of several. Expected numbers are worked out from those several. */
import test, { type ExecutionContext } from 'ava';
import { AttributeType, importOnnx, Tensor } from 'lowbit';
import { faults } from '../faults.js';
import { float, int, type NodeOptions, nodeModel, runNode, string } from './node.js';

const ours: NodeOptions = { domain: 'com.microsoft' };

function near(t: ExecutionContext, y: Tensor, want: readonly number[]): void {
  const numbers = y.toNumbers();
  t.is(numbers.length, want.length);
  // Some float32 functions of an ulp each.
  for (const [i, number] of numbers.entries())
    t.true(Math.abs(number - want[i]) <= 4e-7 * Math.max(1, Math.abs(want[i])), `${number} ${want[i]}`);
}
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

test('FusedConv adds its sum before its activation', (t) => {
  const x = Tensor.from([1, -2, 3, -4], [1, 1, 2, 2]);
  const inputs = [x, Tensor.from([2], [1, 1, 1, 1]), Tensor.from([1]), Tensor.from([0, 1, 0, 1], [1, 1, 2, 2])];
  const params = { type: AttributeType.FLOATS, floats: [0.5] };
  const attributes = { activation: string('LeakyRelu'), activation_params: params };
  near(t, runNode('FusedConv', inputs, { ...ours, attributes })[0], [3, -1, 7, -3]);
  const clipped = { activation: string('Clip'), activation_params: { ...params, floats: [-1, 2] } };
  near(t, runNode('FusedConv', inputs.slice(0, 3), { ...ours, attributes: clipped })[0], [2, -1, 2, -1]);
  faults(
    t,
    () => runNode('FusedConv', inputs, { ...ours, attributes: { activation: string('Elu') } }),
    'unsupported',
    /"Elu" is not supported/,
  );
});

test('FusedGemm and FusedMatMul', (t) => {
  const [a, b] = [Tensor.from([1, 2, 3, 4], [2, 2]), Tensor.from([1, -1, 0, 1], [2, 2])];
  near(t, runNode('FusedGemm', [a, b, Tensor.from([0, -2])], { ...ours, attributes: { activation: string('Relu') } })[0], [1, 0, 3, 0]);
  const attributes = { transA: int(1), transB: int(1), alpha: float(2) };
  near(t, runNode('FusedMatMul', [a, b], { ...ours, attributes })[0], [-4, 6, -4, 8]); // 2·aᵀ·bᵀ
});

test('QuickGelu, BiasGelu, FastGelu and Swish', (t) => {
  const numbers = [-2, 0, 1.5];
  const x = Tensor.from(numbers);
  near(
    t,
    runNode('QuickGelu', [x], ours)[0],
    numbers.map((v) => v * sigmoid(Math.fround(1.702) * v)),
  );
  near(
    t,
    runNode('Swish', [x], { opset: 24, attributes: { alpha: float(2) } })[0],
    numbers.map((v) => v * sigmoid(2 * v)),
  );
  near(t, runNode('BiasGelu', [x, Tensor.from([2, 0, -1.5])], ours)[0], [0, 0, 0]);
  const tanh = (v: number) => (v / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
  near(
    t,
    runNode('FastGelu', [x, Tensor.from([1, 1, 1])], ours)[0],
    numbers.map((v) => tanh(v + 1)),
  );
});

test('normalizations by the root of the mean square, of a sum too', (t) => {
  const [x, skip, scale] = [Tensor.from([3, 4], [1, 2]), Tensor.from([1, 0], [1, 2]), Tensor.from([1, 2])];
  const root = (...v: number[]) => Math.sqrt(v.reduce((sum, one) => sum + one * one, 0) / v.length);
  const normalized = [3 / root(3, 4), (2 * 4) / root(3, 4)];
  near(t, runNode('RMSNormalization', [x, scale], { opset: 23, attributes: { epsilon: float(0) } })[0], normalized);
  const attributes = { epsilon: float(0) };
  const sum = runNode('SkipSimplifiedLayerNormalization', [x, skip, scale], { ...ours, attributes })[0];
  near(t, sum, [4 / root(4, 4), 8 / root(4, 4)]);
  near(
    t,
    runNode('SkipLayerNormalization', [x, skip, scale, Tensor.from([0, 1])], { ...ours, attributes: { epsilon: float(1) } })[0],
    [0, 1],
  );
});

test('a linear layer on codes', (t) => {
  const scalar = (value: number, dtype: 'float32' | 'uint8' | 'int8' = 'float32') => Tensor.from([value], [], dtype);
  const inputs = [
    ...[Tensor.from([3, 5], [1, 2], 'uint8'), scalar(0.5), scalar(3, 'uint8')],
    ...[Tensor.from([2, -4, 7, 1], [2, 2], 'int8'), scalar(0.25), scalar(0, 'int8'), Tensor.from([8, -8], [2], 'int32')],
  ];
  const attributes = { transB: int(1) };
  // (0, 1)·(0.5, -1; 1.75, 0.25)ᵀ + (1, -1)
  near(t, runNode('QGemm', inputs, { ...ours, attributes })[0], [0, -0.75]);
  const codes = runNode('QGemm', [...inputs, scalar(0.25), scalar(10, 'uint8')], { ...ours, attributes })[0];
  t.deepEqual([codes.dtype, codes.toNumbers()], ['uint8', [10, 7]]);
});

test('codes joined and averaged', (t) => {
  const scalar = (value: number, dtype: 'float32' | 'uint8' = 'float32') => Tensor.from([value], [], dtype);
  const part = (codes: number[], scale: number) => [Tensor.from(codes, [1, 2], 'uint8'), scalar(scale), scalar(1, 'uint8')];
  const inputs = [scalar(0.5), scalar(0, 'uint8'), ...part([1, 5], 1), ...part([3, 255], 0.25)];
  const options: NodeOptions = { ...ours, attributes: { axis: int(1) }, constants: [] };
  t.deepEqual(runNode('QLinearConcat', inputs, options)[0].toNumbers(), [0, 8, 1, 127]);
  const pool = [Tensor.from([0, 4, 8, 12], [1, 1, 2, 2], 'uint8'), scalar(1), scalar(0, 'uint8'), scalar(0.5), scalar(2, 'uint8')];
  const kernel_shape = { type: AttributeType.INTS, ints: [2n, 2n] };
  t.deepEqual(runNode('QLinearAveragePool', pool, { ...ours, attributes: { kernel_shape } })[0].toNumbers(), [14]);
});

test('Gemm and MatMul with constant weights are linear layers, whichever side they stand on', (t) => {
  const x = Tensor.from([1, 2, 3, 4], [2, 2]);
  const w = Tensor.from([1, 0, -1, 2], [2, 2]);
  const opsOf = (type: string, inputs: Tensor[], options: NodeOptions = {}) =>
    importOnnx(nodeModel(type, inputs, options)).nodes.map(({ op }) => op.name);
  for (const bias of [Tensor.from([1, 2]), Tensor.from([1, 2], [1, 2]), Tensor.from([3], []), Tensor.from([3], [1, 1])]) {
    const options = { attributes: { alpha: float(2), beta: float(0.5) } };
    const shift = bias.size === 1 ? [1.5, 1.5] : [0.5, 1];
    t.deepEqual(opsOf('Gemm', [x, w, bias], options), ['gemm']);
    near(t, runNode('Gemm', [x, w, bias], options)[0], [-2 + shift[0], 8 + shift[1], -2 + shift[0], 16 + shift[1]]);
  }
  t.deepEqual(opsOf('Gemm', [x, w, Tensor.from([1, 2], [2, 1])]), ['matmul', 'add']);
  t.deepEqual(opsOf('MatMul', [Tensor.from([1, 2], [1, 1, 2]), Tensor.from([1, 0, -1, 2], [1, 2, 2])]), ['gemm']);
  near(t, runNode('MatMul', [Tensor.from([1, 2], [1, 1, 2]), Tensor.from([1, 0, -1, 2], [1, 2, 2])])[0], [-1, 4]);
  const left: NodeOptions = { constants: [0] };
  t.deepEqual(opsOf('MatMul', [w, x], left), ['transpose', 'gemm', 'transpose']);
  near(t, runNode('MatMul', [w, x], left)[0], [1, 2, 5, 6]);
});
