import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { encodeModel, foldConstants, type GraphProto, importOnnx, type ModelProto, readModel, run, Tensor } from 'lowbit';
import { Dice } from '../dice.js';
import { faults } from '../faults.js';
import { shared } from '../shared.js';
import { treatment } from './hostile.js';
import { linear } from './models.js';
import { damage, damagedBytes } from './mutate.js';
import { type NodeModel, nodeModel, operatorModels } from './operators.js';

// LOWBIT_MUTATIONS=20000 looks longer, LOWBIT_SEED elsewhere.
const rounds = Number(process.env.LOWBIT_MUTATIONS ?? 2500);
const seed = Number(process.env.LOWBIT_SEED ?? 1);

const small: [string, Uint8Array][] = [...operatorModels(), ['linear', linear()] as [string, ModelProto]].map(([name, proto]) => [
  name,
  encodeModel({ proto }),
]);

const realNames = [
  'mlperf_tiny_kws_dscnn',
  'mlperf_tiny_kws_dscnn_vendor_qdq',
  'mlperf_tiny_resnet8_cifar10_vendor_qdq',
  'ultraface_rfb_320_raw_export',
];
const realPaths = realNames.map((name) => join(shared('models'), `${name}.onnx`)).filter(existsSync);
const real: [string, Uint8Array][] = realPaths.map((path) => [path.split('/').at(-1)!, readFileSync(path)]);

function survives(
  t: ExecutionContext,
  models: [string, Uint8Array][],
  count: number,
  mutate: (bytes: Uint8Array, dice: Dice) => Uint8Array,
): void {
  const seen = { refused: 0, imported: 0, ran: 0 };
  for (let i = 0; i < count; i++) {
    const [name, bytes] = models[i % models.length];
    const number = seed * 1_000_000 + i;
    const { problem, outcome } = treatment(mutate(bytes, new Dice(number)));
    seen[outcome]++;
    if (problem) t.fail(`${name}, mutation ${number}: ${problem}`);
  }
  t.log(seen);
  t.true(seen.refused > 0 && seen.ran > 0);
}

const damagedModel = (bytes: Uint8Array, dice: Dice) => {
  const { proto } = readModel(bytes);
  damage(proto, dice);
  return encodeModel({ proto });
};

const x = { shape: [2, 3] };
const image = { shape: [1, 4, 6, 6] };
const int64 = (...values: number[]) => ({ shape: [values.length], dtype: 'int64' as const, values });

const refused: [opType: string, model: NodeModel, message: RegExp][] = [
  ['Sum', { operands: [] }, /input 0 is missing/],
  ['CumSum', { operands: [x] }, /input 1 is missing/],
  ['Resize', { operands: [image], opset: 10 }, /scales are missing/],
  ['Resize', { operands: [image, undefined, undefined, int64(1, 4, 6, 2 ** 23)] }, /dimension 3 is resized from 6 to 8388608 elements/],
  [
    'Resize',
    { operands: [image, undefined, undefined, int64(1, 4, 6, 7)], attributes: { coordinate_transformation_mode: 'toString' } },
    /"toString" is not supported/,
  ],
  ['Split', { operands: [x], attributes: { num_outputs: 2n ** 31n }, opset: 18 }, /splits into 2147483648 parts and has 1 outputs/],
  ['SpaceToDepth', { operands: [{ shape: [1, 4, 6] }], attributes: { blocksize: 2n } }, /3 dimensions, not the 4 of an image/],
  ['DepthToSpace', { operands: [image], attributes: { blocksize: 0n } }, /blocksize is 0/],
  ['Unsqueeze', { operands: [x, int64(0, 0)] }, /axes are \[0,0\], each has to be there once/],
  ['Unsqueeze', { operands: [x, { shape: [1], values: [0.5] }] }, /axis 0.5 is out of range/],
  ['Flatten', { operands: [x], attributes: { axis: 3n } }, /axis 3 is out of range/],
  ['Conv', { operands: [{ shape: [4] }, { shape: [4], values: [1, 2, 3, 4] }] }, /1 dimensions, none of them spatial/],
  ['InstanceNormalization', { operands: [{ shape: [4] }, { shape: [4] }, { shape: [4] }] }, /1 dimensions, and no channels/],
  ['LayerNormalization', { operands: [{ shape: [2, 3], dtype: 'int64' }, int64(1, 1, 1), int64(1, 1, 1)], outputs: 3 }, /x is int64/],
  ['Pad', { operands: [x, int64(1), { shape: [] }, int64(1)], opset: 18 }, /pads has 1 numbers for 1 axes/],
  [
    'DequantizeLinear',
    { operands: [{ shape: [2, 6], dtype: 'int8' }, { shape: [Number.NaN] }], attributes: { axis: 1n } },
    /size is known/,
  ],
  [
    'DequantizeLinear',
    { operands: [{ shape: [2, 2 ** 30], dtype: 'int8' }, x], attributes: { axis: 1n, block_size: 2n }, opset: 21 },
    /blocks of 2 along 1073741824 elements/,
  ],
];

test('what is missing, out of range or too large is named', (t) => {
  for (const [opType, model, message] of refused)
    faults(t, () => importOnnx(encodeModel({ proto: nodeModel(opType, model) })), 'unsupported', message);
});

test('names are taken once, whatever they are', (t) => {
  const named = (change: (graph: GraphProto) => void) => {
    const proto = nodeModel('Add', { operands: [x, x] });
    change(proto.graph!);
    return importOnnx(encodeModel({ proto }));
  };
  const twice = (name: string, change: (graph: GraphProto) => void) =>
    faults(t, () => named(change), 'format', new RegExp(`"${name}" is defined twice`));
  twice('in0', (graph) => graph.input.push(graph.input[0]));
  twice('in0', (graph) => graph.node[0].output.splice(0, 1, 'in0'));
  twice('out0', (graph) => graph.output.push(graph.output[0]));
  for (const name of ['constructor', '__proto__', 'toString']) {
    const graph = named((old) => {
      old.input[0].name = name;
      old.node[0].input[0] = name;
      old.node[0].output[0] = `${name}2`;
      old.output[0].name = `${name}2`;
    });
    const ones = Tensor.from(new Float32Array(6).fill(1), [2, 3]);
    faults(t, () => run(graph, { in1: ones }), 'data', new RegExp(`input "${name}" is missing`));
    const outputs = run(
      foldConstants(graph),
      Object.fromEntries([
        [name, ones],
        ['in1', ones],
      ]),
    );
    t.deepEqual([...outputs[`${name}2`].data()], [2, 2, 2, 2, 2, 2]);
  }
});

test('operators whose models are as they should be run', (t) => {
  for (const [name, bytes] of small) t.deepEqual(treatment(bytes, true), { problem: undefined, outcome: 'ran' }, name);
});
test('small models with damaged bytes', (t) => survives(t, small, rounds, damagedBytes));
test('small models that say something else', (t) => survives(t, small, 2 * rounds, damagedModel));
(real.length ? test : test.skip)('real models with damaged bytes', (t) => survives(t, real, rounds / 5, damagedBytes));
(real.length ? test : test.skip)('real models that say something else', (t) => survives(t, real, rounds / 5, damagedModel));
