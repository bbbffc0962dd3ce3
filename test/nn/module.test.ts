/** What every module can do: names, states, text, memory. */
import { inspect } from 'node:util';
import test from 'ava';
import { add, keep, memory, mul, nn, scope, Tensor } from 'lowbit';
import { faults } from '../faults.js';

/** A module with every kind of field: a layer, a list, a container, tensors of all roles, and things that are neither. */
class Net extends nn.Module {
  readonly first = new nn.Linear(2, 3);
  readonly blocks = [new nn.Linear(3, 3, { bias: false }), new nn.ReLU()];
  readonly tail = new nn.Sequential(new nn.BatchNorm1d(3, { epsilon: 0.5 }), new nn.Residual(new nn.Linear(3, 3)));
  readonly gain = nn.parameter(Tensor.from([2, 2, 2]));
  readonly offset = nn.constant(Tensor.from([1, 1, 1]));
  readonly rate = 0.5;
  readonly missing = undefined;

  forward(x: Tensor): Tensor {
    const y = this.blocks.reduce<Tensor>((value, block) => block.forward(value), this.first.forward(x));
    return add(mul(this.tail.forward(y), this.gain), this.offset);
  }
}

const parameters = [
  ...['first.weight', 'first.bias', 'blocks.0.weight', 'tail.0.weight', 'tail.0.bias'],
  ...['tail.1.body.weight', 'tail.1.body.bias', 'gain'],
];
const buffers = ['tail.0.runningMean', 'tail.0.runningVariance'];

test('tensors are found by role, under the names of fields', (t) => {
  const net = new Net();
  t.deepEqual([...net.parameters().keys()], parameters);
  t.deepEqual([...net.buffers().keys()], buffers);
  t.deepEqual([...net.state().keys()], [...parameters.slice(0, 5), ...buffers, ...parameters.slice(5)]);
  t.is(net.parameterCount(), 6 + 3 + 9 + 3 + 3 + 9 + 3 + 3);
  t.is(net.state().get('first.weight'), net.first.weight);
});

test('a module reads as its parts', (t) => {
  const text = [
    'Net(',
    '  (first): Linear(2, 3)',
    '  (blocks.0): Linear(3, 3, bias=false)',
    '  (blocks.1): ReLU()',
    '  (tail): Sequential(',
    '    (0): BatchNorm1d(3, epsilon=0.5)',
    '    (1): Residual(',
    '      (body): Linear(3, 3)',
    '    )',
    '  )',
    ')',
    '39 parameters',
  ].join('\n');
  const net = new Net();
  t.is(String(net), text);
  t.is(inspect(net), text);
  const conv = new nn.Conv2d(32, 32, [3, 5], { dilation: 2, padding: 'same', initial: nn.kaimingNormal, random: new nn.Random(1) });
  t.is(String(conv), 'Conv2d(32, 32, kernel=[3, 5], dilation=2, padding=same)\n15,392 parameters');
});

test('a tensor in two places is one parameter', (t) => {
  class Tied extends nn.Module {
    readonly table = new nn.Embedding(5, 4);
    readonly again = this.table;
    forward(x: Tensor): Tensor {
      return this.again.forward(x);
    }
  }
  t.deepEqual([...new Tied().parameters().keys()], ['table.weight']);
});

test('a tensor without a role is refused', (t) => {
  class Bare extends nn.Module {
    readonly w = keep(Tensor.from([1]));
    forward(x: Tensor): Tensor {
      return mul(x, this.w);
    }
  }
  faults(t, () => new Bare().parameters(), 'data', /Bare: nobody said what the tensor "w" is\. Wrap it in parameter\(\)/);
});

test('a state is copied in place, whole or not at all', (t) => {
  const [from, to] = [new Net(), new Net()];
  const { weight } = to.first;
  t.notDeepEqual(weight.data(), from.first.weight.data());
  t.is(to.load(from.state()), to);
  t.is(to.first.weight, weight);
  for (const [name, tensor] of from.state()) t.deepEqual(to.state().get(name)!.data(), tensor.data(), name);
  from.first.weight.write([9, 9, 9, 9, 9, 9]);
  t.notDeepEqual(weight.data(), from.first.weight.data());

  const before = weight.data();
  const state = () => Object.fromEntries(from.state());
  const { gain, ...withoutGain } = state();
  const { 'tail.0.runningMean': mean, ...misspelt } = state();
  faults(t, () => to.load(withoutGain), 'data', /^Net\.load: the state has no tensor "gain"\.$/);
  faults(t, () => to.load({}), 'data', /the state has no tensor "first\.weight" \(and 9 more\)/);
  faults(t, () => to.load({ ...state(), more: gain }), 'data', /the module has no tensor "more"\.$/);
  faults(
    t,
    () => to.load({ ...misspelt, 'tail.0.running_mean': mean }),
    'data',
    /"tail\.0\.running_mean", did you mean "tail\.0\.runningMean"\?/,
  );
  faults(t, () => to.load({ ...state(), gain: Tensor.from([1]) }), 'shape', /Net\.load: gain is \[1\], expected \[3\]/);
  faults(t, () => to.load({ ...state(), gain: Tensor.from([1, 2, 3], [3], 'float64') }), 'dtype', /Net\.load: gain is float64/);
  faults(t, () => to.load(state(), { strickt: false } as object), 'unknownOption', /did you mean "strict"/);
  t.deepEqual(weight.data(), before);

  to.load({ gain: Tensor.from([7, 8, 9]), more: gain }, { strict: false });
  t.deepEqual(to.gain.toNumbers(), [7, 8, 9]);
  t.deepEqual(weight.data(), before);
});

test('tensors outlive the scope they are made in, until the module is disposed of', (t) => {
  const before = memory().tensors;
  const net = scope(() => new Net());
  t.is(memory().tensors, before + parameters.length + buffers.length + 2); // the offset, and a bias that is none
  scope(() => net.forward(Tensor.from([1, 2], [1, 2])).shape);
  net.dispose();
  t.is(memory().tensors, before);
  {
    using other = new Net();
    t.false(other.gain.disposed);
  }
  t.is(memory().tensors, before);
});

test('a tensor is overwritten by as many elements of its type', (t) => {
  const x = Tensor.from([1, 2, 3]);
  x.write(Float32Array.of(4, 5, 6));
  t.deepEqual(x.toNumbers(), [4, 5, 6]);
  x.write([0.1, 2, 3]);
  t.deepEqual(x.toNumbers(), [Math.fround(0.1), 2, 3]);
  faults(t, () => x.write([1]), 'shape', /Tensor\.write: data is \[1\], expected 3 elements/);
  x.dispose();
  faults(t, () => x.write([1, 2, 3]), 'disposed', /after dispose/);
});
