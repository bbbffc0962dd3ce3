/** Functions of each element: y = f(x), and of pairs of elements with numpy broadcasting. */
import { type Check, defineOp } from '../op.js';
import { broadcast, type Dtype, isReal, type Shape, type TensorType } from '../shape.js';

interface UnaryTraits {
  scalesThrough?: boolean;
}

// Elementwise functions do not care how their input is laid out.
const anyLayout = <P>(params: P) => params;

/** y = f(x) on any number type. */
function unary<P extends object>(name: string, params: P, traits: UnaryTraits = {}) {
  return defineOp({
    name,
    inputs: ['x'],
    params,
    infer([x], _params, check) {
      check.dtype(x.dtype !== 'boolean', 'x', x, 'a number type');
      return x;
    },
    permute: anyLayout,
    ...traits,
  });
}

/** y = f(x) on real numbers. */
export function real<P extends object>(name: string, params: P, traits: UnaryTraits = {}) {
  return defineOp({
    name,
    inputs: ['x'],
    params,
    infer([x], _params, check) {
      check.dtype(isReal(x.dtype), 'x', x, 'float32, float64, float16 or bfloat16');
      return x;
    },
    permute: anyLayout,
    ...traits,
  });
}

function pairShape(a: TensorType, b: TensorType, check: Check) {
  const shape = broadcast(a.shape, b.shape);
  check.shape(shape !== undefined, 'b', b, `a shape that broadcasts with [${a.shape}]`);
  return shape as Shape;
}

/** y = f(a, b) on numbers of one type. */
function binary(name: string, accepts: (dtype: Dtype) => boolean, expected: string, output?: Dtype) {
  return defineOp({
    name,
    inputs: ['a', 'b'],
    params: {},
    infer([a, b], _params, check) {
      check.dtype(accepts(a.dtype), 'a', a, expected);
      check.dtype(b.dtype === a.dtype, 'b', b, a.dtype, 'a has that type');
      return { dtype: output ?? a.dtype, shape: pairShape(a, b, check) };
    },
    permute: anyLayout,
    broadcasts: true,
  });
}

const isNumber = (dtype: Dtype) => dtype !== 'boolean';

/** max(x, 0). */
export const relu = unary('relu', {}, { scalesThrough: true });
/** a + b. */
export const add = binary('add', isNumber, 'a number type');
