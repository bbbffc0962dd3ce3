import test from 'ava';
import {
  add,
  conv2d,
  memory,
  movingAverage,
  mul,
  noGrad,
  offThread,
  ops,
  type RecordedCall,
  reciprocal,
  record,
  reduceSum,
  round,
  scope,
  Tensor,
  valueAndGradients,
} from 'lowbit';
import { faults } from './faults.js';

const total = (x: Tensor) => reduceSum(x, { axes: x.shape.map((_, i) => i), keepDims: false });
const scalars = (gradients: Map<Tensor, Tensor>) => [...gradients.values()].map((gradient) => gradient.toNumbers());

test('a value used twice gets the sum of both gradients', (t) => {
  scope(() => {
    const x = Tensor.from([1, -2, 3]);
    // d/dx Σ (x·x + x) = 2x + 1
    const { value, gradients } = valueAndGradients(() => total(add(mul(x, x), x)), [x]);
    t.is(value.item(), 1 + 4 + 9 + 2);
    t.deepEqual(gradients.get(x)?.toNumbers(), [3, -3, 7]);
  });
});

test('broadcast inputs get the sum over what was repeated', (t) => {
  scope(() => {
    const x = Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]);
    const b = Tensor.from([10, 20, 30]);
    const { gradients } = valueAndGradients(() => total(mul(x, b)), [x, b]);
    t.deepEqual(scalars(gradients), [
      [10, 20, 30, 10, 20, 30],
      [5, 7, 9],
    ]);
  });
});

test('what is not asked for is not computed, and other results come along', (t) => {
  scope(() => {
    const [x, frozen, unused] = [Tensor.from([2]), Tensor.from([5]), Tensor.from([7])];
    const { value, gradients } = valueAndGradients(() => {
      const y = mul(x, frozen);
      return { loss: total(y), y };
    }, [x, unused]);
    t.is(value.y.item(), 10);
    t.deepEqual([...gradients.keys()], [x]);
  });
});

test('the gradient of a parameter that is computed on the way', (t) => {
  scope(() => {
    const x = Tensor.from([3]);
    let y: Tensor | undefined;
    const inner = scope(() => mul(x, x));
    const { gradients } = valueAndGradients(() => {
      y = mul(x, inner);
      return total(mul(y, y));
    }, [x, inner]);
    // y = x·i, loss = y²: d/dx = 2·y·i, d/di = 2·y·x
    t.deepEqual(scalars(gradients), [[2 * 27 * 9], [2 * 27 * 3]]);
  });
});

test('noGrad makes constants', (t) => {
  scope(() => {
    const x = Tensor.from([3]);
    const { gradients } = valueAndGradients(
      () =>
        total(
          mul(
            x,
            noGrad(() => mul(x, x)),
          ),
        ),
      [x],
    );
    t.deepEqual(gradients.get(x)?.toNumbers(), [9]);
  });
});

test('gradients end at steps; a loss is one float', (t) => {
  scope(() => {
    const x = Tensor.from([1.4, 2.6]);
    t.is(valueAndGradients(() => total(round(x)), [x]).gradients.size, 0);
    faults(t, () => valueAndGradients(() => mul(x, x), [x]), 'shape', /the loss is \[2\], expected a float tensor of one element/);
  });
});

test('nothing is left but what was asked for, whether it works or not', (t) => {
  scope(() => {
    const x = Tensor.from([1, 2, 3]);
    const before = memory().tensors;
    const { value, gradients } = valueAndGradients(() => total(mul(mul(x, x), x)), [x]);
    t.is(memory().tensors, before + 2);
    value.dispose();
    for (const gradient of gradients.values()) gradient.dispose();
    t.throws(() =>
      valueAndGradients(() => {
        mul(x, x);
        throw new Error('stop');
      }, [x]),
    );
    t.is(memory().tensors, before);
  });
});

test('what a rule makes on the way is freed with its call', (t) => {
  scope(() => {
    const x = Tensor.from(new Float32Array(1 << 16).fill(0.1));
    memory('resetPeak');
    const before = memory().peakBytes;
    const depth = 20;
    valueAndGradients(() => {
      let y = x;
      for (let i = 0; i < depth; i++) y = reciprocal(y); // its gradient takes three ops
      return total(y);
    }, [x]);
    t.true(memory().peakBytes - before <= (depth + 5) * x.bytes, `${(memory().peakBytes - before) / x.bytes} tensors at most`);
  });
});

test('off the thread, only what is alive holds memory', async (t) => {
  const x = Tensor.from(new Float32Array(1 << 16).fill(1));
  const run = () => {
    memory('resetPeak');
    const before = memory().peakBytes;
    return { before, body: () => valueAndGradients(() => scope(() => total(noGrad(() => chain(x)))), [x]) };
  };
  const chain = (from: Tensor) => {
    let y = from;
    for (let i = 0; i < 50; i++) {
      const next = add(y, x);
      if (y !== from) y.dispose();
      y = next;
    }
    return y;
  };
  const { before, body } = run();
  const { value } = await offThread(body);
  t.is(value.item(), 51 * (1 << 16));
  t.true(memory().peakBytes - before <= 3 * x.bytes, `${memory().peakBytes - before} bytes at most`);
  value.dispose();
  x.dispose();
});

test('a long batch starts before it is all known, and fails as a whole', async (t) => {
  const labels = Tensor.from(Int32Array.from([0, 7]));
  const [logits, parameter] = [Tensor.from([1, 2, 3, 4], [2, 2]), Tensor.from([1])];
  const long = (from: Tensor) => {
    let y = from;
    for (let i = 0; i < 500; i++) y = add(y, from);
    return y;
  };
  const wrong = offThread(() =>
    scope(() => {
      const loss = ops.crossEntropy(logits, labels); // a label that is no class
      long(loss);
      movingAverage(parameter, parameter, Tensor.from([1, 1, 1]), { momentum: 1, factor: 3 });
      return long(loss);
    }),
  );
  const error = await t.throwsAsync(wrong);
  t.regex(error?.message ?? '', /7/);
  t.deepEqual(parameter.toNumbers(), [1], 'no update has run');

  const thrown = offThread(() => {
    scope(() => void long(parameter));
    movingAverage(parameter, parameter, Tensor.from([1, 1, 1]), { momentum: 1, factor: 3 });
    throw new Error('changed my mind');
  });
  await t.throwsAsync(thrown, { message: 'changed my mind' });
  t.deepEqual(parameter.toNumbers(), [1], 'no update has run');

  const read = await offThread(() =>
    scope(() => {
      const first = long(parameter);
      return [first.item(), long(first)] as const;
    }),
  );
  t.is(read[0], 501);
  t.is(read[1].item(), 501 * 501);
});

test('a convolution adds to the gradient that its input has already', (t) => {
  scope(() => {
    const x = Tensor.from([1, 2, 3, 4], [1, 2, 2, 1]);
    const [w, bias] = [Tensor.from([1, 10, 100, 1000], [1, 2, 2, 1]), Tensor.from([0])];
    const calls: RecordedCall[] = [];
    const run = () => total(add(conv2d(x, w, bias), mul(conv2d(x, w, bias), x)));
    const { gradients } = record(
      () => valueAndGradients(run, [x]),
      (call) => calls.push(call),
    );
    // Σ (y + y·x), y = Σ w·x: w·(1 + Σ x) from the convolutions, and y = 4321 from the product.
    t.deepEqual(
      gradients.get(x)?.toNumbers(),
      [1, 10, 100, 1000].map((weight) => weight * (4 + 1 + 2 + 3 + 4) + 4321),
    );
    const sums = calls.filter(({ op }) => op.name === 'conv2dInputGrad').map(({ inputs }) => inputs[2].size);
    t.deepEqual(sums, [4, 4]);
    t.is(calls.filter(({ op }) => op.name === 'add').length, 1, 'the one of the loss');
  });
});
