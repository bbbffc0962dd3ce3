/** What a training configuration may say. Fields with a default may be left out; null switches off what is off by default. */
import * as z from 'zod';
import { cudaPrecisions } from '../cuda.js';
import { datasetKinds } from '../data/open.js';
import { devices } from '../shape.js';
import { choice, flag, group, list, number, oneOf, orNone, span, text, whole } from './configFields.js';

export const seed = () => whole({ from: 0 });
const count = () => whole({ from: 1 });
const column = () => z.union([whole({ from: 0 }), text('a name')], { error: 'the name or the number of a column' });
const classes = (usual: number) => ({ classes: count().default(usual), seed: seed().optional() });

const cifarResNet = { ...classes(10), shortcut: oneOf('pad', 'project').default('pad') };
const resNet = { ...classes(1000), stem: oneOf('imagenet', 'cifar').default('imagenet') };
const mobileNet = { ...resNet, width: number({ above: 0 }).default(1) };
const encoder = {
  /** How many tokens there are, and how many a sample has; null is as the samples have them. */
  vocabulary: orNone(count()),
  length: orNone(count()),
  width: count().default(128),
  heads: count().default(2),
  layers: count().default(2),
};

/** Networks of `nn.models` by name, with their options, or a file to start from. */
const model = choice({
  lenet5: { ...classes(10), channels: count().default(1) },
  resnet8: cifarResNet,
  resnet20: cifarResNet,
  resnet32: cifarResNet,
  resnet56: cifarResNet,
  resnet18: resNet,
  resnet50: resNet,
  mobilenetV1: mobileNet,
  mobilenetV2: mobileNet,
  vggSmall: classes(10),
  encoder: { ...classes(2), ...encoder, hidden: count().optional(), dropout: number({ from: 0, below: 1 }).default(0.1) },
  onnx: { path: text('the path of an ONNX file') },
});

const sourceText = `KIND:PATH with one of the kinds ${Object.keys(datasetKinds).join(', ')}`;
const isSource = (spec: string) => Object.hasOwn(datasetKinds, /^([^:]*):./.exec(spec)?.[1] ?? '');

/** Samples: their place alone, or with options. */
const samples = z.preprocess(
  (value) => (typeof value === 'string' ? { source: value } : value),
  group({
    source: text(sourceText).refine(isSource, { error: sourceText }),
    /** Of a folder; null is its training files for `train` and its test files for `validation`. */
    split: orNone(oneOf('train', 'test')),
    skip: whole({ from: 0 }).default(0),
    limit: orNone(count()),
    /** Of digits; null is 1 for `train` and 2 for `validation`. */
    seed: orNone(seed()),
    /** Of images: a CSV file of lines file,label. */
    labels: orNone(text('the path of a CSV file')),
  }),
);

const perChannel = (limits = {}) =>
  orNone(z.union([number(limits), list(number(limits), '')], { error: 'a number, or a list of one for each channel' }));

/** All options behind the two sets are those of `openDataset`; null leaves the choice to the kind of data. */
const data = group({
  train: samples,
  validation: orNone(samples),
  scale: perChannel(),
  mean: perChannel(),
  std: perChannel(),
  bgr: orNone(flag()),
  resize: orNone(count()),
  crop: orNone(count()),
  size: orNone(count()),
  /** Of texts and tables: the column of the text, of the label, and those of the numbers, by name or by number from 0. */
  text: orNone(column()),
  label: orNone(column()),
  columns: orNone(list(column(), 'names or numbers of columns')),
  /** Of texts: tokens of a sample, and how many words of the training texts are known. */
  length: orNone(count()),
  vocabulary: orNone(count()),
});

/** How a random window is cut: the margin alone, or with options. */
const crop = z.preprocess(
  (value) => (typeof value === 'number' ? { padding: value } : value),
  group({
    padding: whole({ from: 0 }).default(4),
    mode: oneOf('zero', 'reflect').default('zero'),
    size: orNone(list(count(), '[height, width]').length(2, { error: '[height, width]' })),
  }),
);
const augment = group({ crop: orNone(crop), flip: flag().default(false), cutout: whole({ from: 0 }).default(0) });

const loss = choice({ crossEntropy: { labelSmoothing: number({ from: 0, below: 1 }).default(0) } });

/** Names, or patterns with *. */
export const patterns = () => list(text('a name, or a pattern with *'), 'a list of names, or of patterns with *');

const parameterGroups = list(
  group({ parameters: patterns(), rate: number({ from: 0 }).default(1), weightDecay: orNone(number({ from: 0 })) }),
  'a list of groups of parameters',
).default([]);

const updates = (rate: number, weightDecay = 0) => ({
  rate: number({ from: 0 }).default(rate),
  weightDecay: number({ from: 0 }).default(weightDecay),
  decayNorms: flag().default(false),
  /** Parameters that are treated differently: a factor of the rate, another decay. */
  groups: parameterGroups,
});
const beta = number({ from: 0, below: 1 });
const adam = (rate: number, weightDecay?: number) => ({
  ...updates(rate, weightDecay),
  betas: z.tuple([beta, beta], { error: 'two numbers, like [0.9, 0.999]' }).default([0.9, 0.999]),
  epsilon: number({ above: 0 }).default(1e-8),
});

/** Defaults of optimizers that depend on what is trained. */
interface UsualUpdates {
  sgd: { rate: number; nesterov: boolean; weightDecay: number };
  adamRate: number;
}

export const optimizer = ({ sgd, adamRate }: UsualUpdates) =>
  choice({
    sgd: {
      ...updates(sgd.rate, sgd.weightDecay),
      momentum: number({ from: 0, to: 1 }).default(0.9),
      dampening: number({ from: 0, to: 1 }).default(0),
      nesterov: flag().default(sgd.nesterov),
    },
    adam: adam(adamRate),
    adamw: adam(adamRate, 0.01),
  }).refine((chosen) => !(chosen.name === 'sgd' && chosen.nesterov && chosen.dampening > 0), {
    path: ['dampening'],
    error: '0 with nesterov',
  });

const warmUp = group({
  steps: number({ from: 0 }).optional(),
  epochs: number({ from: 0 }).optional(),
  fraction: number({ from: 0, to: 1 }).optional(),
  from: number({ from: 0 }).default(0.01),
}).refine((length) => Object.keys(length).length === 2, { error: 'a length, one of steps, epochs, fraction' });
const ramp = { warmUp: orNone(warmUp) };

export const schedule = choice({
  constant: ramp,
  stepDecay: {
    ...ramp,
    every: span(number({ above: 0 })).optional(),
    at: span(list(number({ from: 0 }), 'a list of numbers')).optional(),
    gamma: number({ above: 0 }).default(0.1),
  },
  cosine: { ...ramp, final: number({ from: 0 }).default(0) },
  polynomial: { ...ramp, power: number({ above: 0 }).default(1), final: number({ from: 0 }).default(0) },
  oneCycle: {
    ...ramp,
    peak: number({ from: 0, to: 1 }).default(0.3),
    startDivisor: number({ from: 1 }).default(25),
    finalDivisor: number({ from: 1 }).default(1e4),
  },
}).refine((chosen) => chosen.name !== 'stepDecay' || (chosen.every === undefined) !== (chosen.at === undefined), {
  error: 'one of every and at',
});

const earlyStop = group({
  metric: text('the name of a metric').default('validation loss'),
  /** null: for everything but losses. */
  higherIsBetter: orNone(flag()),
  patience: whole({ from: 0 }).default(10),
  minDelta: number({ from: 0 }).default(0),
  restoreBest: flag().default(true),
});

const every = group({ steps: count().optional(), epochs: count().optional() }).refine((units) => Object.keys(units).length === 1, {
  error: 'one of steps and epochs',
});

/** Everything that a run of training may be told. */
export const trainFields = {
  model,
  data,
  augment: augment.prefault({}),
  loss: loss.prefault({ name: 'crossEntropy' }),
  optimizer: optimizer({ sgd: { rate: 0.1, nesterov: false, weightDecay: 0 }, adamRate: 1e-3 }).prefault({ name: 'sgd' }),
  schedule: schedule.prefault({ name: 'constant' }),
  epochs: count().default(10),
  batchSize: count().default(128),
  /** Parts into which a batch is cut where memory is short. */
  accumulate: count().default(1),
  /** Of the samples' order, augmentation and dropout; also of the model's weights unless it has one of its own. */
  seed: seed().default(0),
  /** The longest gradient. */
  clipNorm: orNone(number({ above: 0 })),
  /** How fast running statistics follow the batches. */
  statisticsMomentum: number({ from: 0, to: 1 }).default(0.1),
  /** How many steps in a row may be left out because loss or gradient are not finite. */
  skipNonFinite: whole({ from: 0 }).default(0),
  /** Where it learns. */
  device: oneOf(...devices).default('cpu'),
  /** What factors of products are rounded to, on cuda. */
  precision: oneOf(...cudaPrecisions).default('float32'),
  /** null: as many as there are cores. */
  threads: orNone(count()),
  /** What to learn; null: all weights, biases and scales. */
  parameters: orNone(patterns()),
  /** Of these, what stays as it is. */
  freeze: patterns().default([]),
  checkpoint: group({ every: every.default({ epochs: 1 }), keep: count().default(2) }).prefault({}),
  earlyStop: orNone(earlyStop),
  /** The folder of the run; default: runs/NAME beside the file NAME.yaml. */
  output: text('a folder').optional(),
};

export const trainSchema = group(trainFields);

export type TrainSchema = z.output<typeof trainSchema>;
