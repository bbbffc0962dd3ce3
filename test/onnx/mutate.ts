/** Damage done to models on purpose: to their bytes, and to what the bytes say. The same seed does the same damage. */
import { DataType, type ModelProto, type NodeProto, onnxMessage, type TensorProto } from 'lowbit';
import type { Dice } from '../dice.js';
import { type Attribute, attributeProto, operatorNames } from './operators.js';

// ---- bytes -------------------------------------------------------------------------------------------------------------------------

type ByteDamage = (bytes: Buffer, dice: Dice) => Buffer;

const range = (bytes: Buffer, dice: Dice, most = 64): [number, number] => {
  const start = dice.below(bytes.length);
  return [start, Math.min(bytes.length, start + 1 + dice.below(most))];
};
const spliced = (bytes: Buffer, start: number, end: number, middle: Uint8Array) =>
  Buffer.concat([bytes.subarray(0, start), middle, bytes.subarray(end)]);

const byteDamages: Record<string, ByteDamage> = {
  flip(bytes, dice) {
    const copy = Buffer.from(bytes);
    copy[dice.below(copy.length)] ^= 1 << dice.below(8);
    return copy;
  },
  set(bytes, dice) {
    const copy = Buffer.from(bytes);
    copy[dice.below(copy.length)] = dice.pick([0, 1, 2, 127, 128, 255]);
    return copy;
  },
  cut: (bytes, dice) => bytes.subarray(0, dice.below(bytes.length)),
  remove: (bytes, dice) => spliced(bytes, ...range(bytes, dice), Buffer.alloc(0)),
  insert(bytes, dice) {
    const at = dice.below(bytes.length);
    return spliced(bytes, at, at, Buffer.from(Array.from({ length: 1 + dice.below(12) }, () => dice.below(256))));
  },
  duplicate(bytes, dice) {
    const [start, end] = range(bytes, dice);
    return spliced(bytes, end, end, bytes.subarray(start, end));
  },
  swap(bytes, dice) {
    const [[a, b], [c, d]] = [range(bytes, dice), range(bytes, dice)].sort((one, other) => one[0] - other[0]);
    if (b > c) return bytes;
    return Buffer.concat([bytes.subarray(0, a), bytes.subarray(c, d), bytes.subarray(b, c), bytes.subarray(a, b), bytes.subarray(d)]);
  },
};

/** One to three damages to the bytes. */
export function damagedBytes(bytes: Uint8Array, dice: Dice): Uint8Array {
  let damaged: Buffer = Buffer.from(bytes);
  for (let i = 1 + dice.below(3); i > 0 && damaged.length > 1; i--) damaged = dice.pick(Object.values(byteDamages))(damaged, dice);
  return damaged;
}

// ---- structure ---------------------------------------------------------------------------------------------------------------------

const integers = [0, 1, -1, 2, 3, 7, -2, 255, 65536, 2 ** 24, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 40, 2 ** 53, 2 ** 62];
const reals = [0, -0, 1, -1, 0.5, 1e-30, 1e30, -1e30, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const words = [
  '',
  'SAME_UPPER',
  'SAME_LOWER',
  'VALID',
  'linear',
  'cubic',
  'nearest',
  'reflect',
  'edge',
  'wrap',
  'CRD',
  'tanh',
  'RIGHT',
  'none',
  'x',
];
const dataTypes = Object.values(DataType);

const anInt = (dice: Dice) => BigInt(dice.pick(integers));
const ints = (dice: Dice) => Array.from({ length: dice.below(6) }, () => dice.pick(integers));
const anything: readonly ((dice: Dice) => Attribute)[] = [anInt, (dice) => dice.pick(reals), (dice) => dice.pick(words), ints];

const attributeNames = [
  ...[
    'axis',
    'axes',
    'kernel_shape',
    'pads',
    'strides',
    'dilations',
    'group',
    'auto_pad',
    'ceil_mode',
    'keepdims',
    'perm',
    'to',
    'mode',
    'value',
  ],
  ...[
    'block_size',
    'num_outputs',
    'blocksize',
    'batch_dims',
    'allowzero',
    'output_shape',
    'output_padding',
    'count_include_pad',
    'epsilon',
    'size',
  ],
  ...[
    'num_groups',
    'training_mode',
    'transA',
    'transB',
    'alpha',
    'starts',
    'ends',
    'split',
    'shape',
    'start',
    'end',
    'noop_with_empty_axes',
    'p',
  ],
  ...[
    'coordinate_transformation_mode',
    'nearest_mode',
    'antialias',
    'exclude_outside',
    'cubic_coeff_a',
    'scales',
    'storage_order',
    'value_ints',
  ],
  ...['output_dtype', 'keep_aspect_ratio_policy', 'extrapolation_value', 'channels_last', 'k', 'upper', 'fmod', 'direction', 'min', 'max'],
];

/** Changes an element, removes one, or adds one. */
function disturb<T>(list: T[], dice: Dice, make: () => T): void {
  const at = dice.below(list.length + 1);
  const kind = dice.below(3);
  list.splice(at, kind === 1 ? 0 : 1, ...(kind === 2 ? [] : [make()]));
}

function damageAttribute(node: NodeProto, dice: Dice): void {
  const attribute = node.attribute.length ? dice.pick(node.attribute) : undefined;
  if (!attribute || dice.below(4) === 0) {
    const name = attribute && dice.below(2) ? attribute.name : dice.pick(attributeNames);
    const made = attributeProto([name, dice.pick(anything)(dice)]);
    node.attribute = node.attribute.filter((other) => other.name !== name);
    node.attribute.push(made);
    return;
  }
  switch (dice.below(5)) {
    case 0:
      node.attribute = node.attribute.filter((other) => other !== attribute);
      return;
    case 1:
      attribute.type = dice.below(15);
      return;
    case 2:
      if (attribute.t) damageTensor(attribute.t, dice);
      attribute.s = new TextEncoder().encode(dice.pick(words));
      return;
    default:
      attribute.i = anInt(dice);
      attribute.f = dice.pick(reals);
      disturb(attribute.ints, dice, () => anInt(dice));
      if (attribute.floats.length) disturb(attribute.floats, dice, () => dice.pick(reals));
  }
}

function damageTensor(tensor: TensorProto, dice: Dice): void {
  switch (dice.below(6)) {
    case 0:
      disturb(tensor.dims, dice, () => anInt(dice));
      return;
    case 1:
      tensor.dataType = dice.pick(dataTypes);
      return;
    case 2:
      tensor.rawData = tensor.rawData.subarray(0, dice.below(tensor.rawData.length + 1));
      return;
    case 3:
      tensor.dims = [
        BigInt.asIntN(
          64,
          tensor.dims.reduce((a, b) => a * b, 1n),
        ),
      ];
      return;
    default:
      damageElement(tensor, dice);
  }
}

function damageElement(tensor: TensorProto, dice: Dice): void {
  const raw = Buffer.from(tensor.rawData);
  const [bytes, write] =
    tensor.dataType === DataType.INT64
      ? ([8, (at: number) => raw.writeBigInt64LE(anInt(dice), at)] as const)
      : ([4, (at: number) => raw.writeFloatLE(dice.pick(reals), at)] as const);
  if (raw.length < bytes) return;
  write(dice.below(Math.floor(raw.length / bytes)) * bytes);
  tensor.rawData = raw;
}

type Damage = (model: ModelProto, dice: Dice) => void;

/** Some name that the graph has, or none that it has. */
function someName({ graph }: ModelProto, dice: Dice): string {
  const { node, initializer, input } = graph!;
  const lists = [
    node.flatMap((n) => n.output),
    initializer.map(({ name }) => name),
    input.map(({ name }) => name),
    ['', 'nobody', 'constructor', '__proto__'],
  ];
  return dice.pick(dice.pick(lists.filter((names) => names.length)));
}

/** Does something to one of the list, if there is one. */
function toOne<T>(list: readonly T[], dice: Dice, change: (item: T) => void): void {
  if (list.length) change(dice.pick(list));
}

const damages: Record<string, Damage> = {
  attribute: ({ graph }, dice) => toOne(graph!.node, dice, (node) => damageAttribute(node, dice)),
  initializer: ({ graph }, dice) => toOne(graph!.initializer, dice, (tensor) => damageTensor(tensor, dice)),
  initializerName: (model, dice) =>
    toOne(model.graph!.initializer, dice, (tensor) => {
      tensor.name = someName(model, dice) || 'n';
    }),
  initializerToInput({ graph }, dice) {
    const [tensor] = graph!.initializer.splice(dice.below(graph!.initializer.length), 1);
    if (!tensor) return;
    const dim = tensor.dims.map((value) => ({ value: { case: 'dimValue' as const, value } }));
    const type = { value: { case: 'tensorType' as const, value: { elemType: tensor.dataType, shape: { dim } } } };
    graph!.input.push(onnxMessage('ValueInfoProto', { name: tensor.name, type }));
  },
  inputType({ graph }, dice) {
    const type = graph!.input.length ? dice.pick(graph!.input).type?.value : undefined;
    if (type?.case !== 'tensorType') return;
    const dims = type.value.shape?.dim ?? [];
    const kind = dice.below(6);
    if (kind === 0) type.value.elemType = dice.pick(dataTypes);
    else if (kind === 1) type.value.shape = undefined;
    else
      disturb(dims, dice, () =>
        onnxMessage('TensorShapeProto.Dimension', kind === 2 ? {} : { value: { case: 'dimValue', value: anInt(dice) } }),
      );
  },
  inputName: (model, dice) =>
    toOne(model.graph!.input, dice, (input) => {
      input.name = someName(model, dice);
    }),
  inputs: ({ graph }, dice) => void graph!.input.splice(dice.below(graph!.input.length), 1),
  operands: (model, dice) => toOne(model.graph!.node, dice, (node) => disturb(node.input, dice, () => someName(model, dice))),
  results: (model, dice) => toOne(model.graph!.node, dice, (node) => disturb(node.output, dice, () => someName(model, dice))),
  nodeOrder({ graph }, dice) {
    const [node] = graph!.node.splice(dice.below(graph!.node.length), 1);
    if (node && dice.below(3)) graph!.node.splice(dice.below(graph!.node.length + 1), 0, node);
  },
  nodeTwice: ({ graph }, dice) => toOne(graph!.node, dice, (node) => graph!.node.push(node)),
  operator: ({ graph }, dice) =>
    toOne(graph!.node, dice, (node) => {
      if (dice.below(8) === 0) node.domain = dice.pick(['', 'ai.onnx', 'com.microsoft', 'nobody']);
      else node.opType = dice.pick(operatorNames);
    }),
  outputs: (model, dice) => disturb(model.graph!.output, dice, () => onnxMessage('ValueInfoProto', { name: someName(model, dice) })),
  opset: ({ opsetImport }, dice) =>
    toOne(opsetImport, dice, (opset) => {
      opset.version = dice.below(6) ? BigInt(5 + dice.below(18)) : anInt(dice);
    }),
};

// Attributes and initializers say most.
const choices = [...Object.values(damages), damages.attribute, damages.attribute, damages.initializer];

/** One to three damages to what the model says; changes the model. */
export function damage(model: ModelProto, dice: Dice): void {
  for (let i = 1 + dice.below(3); i > 0; i--) dice.pick(choices)(model, dice);
}
