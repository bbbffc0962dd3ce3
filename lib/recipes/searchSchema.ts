/** What the configuration of a search may say: all that training may be told, and what concerns low-bit weights. */
import * as z from 'zod';
import { weightStorages } from '../onnx/weights.js';
import { type WeightBits, weightBits } from '../quant/slb/grid.js';
import { slbPresets } from '../quant/slb/options.js';
import { flag, group, list, number, oneOf, orNone, whole } from './configFields.js';
import { optimizer, patterns, schedule, seed, trainFields } from './trainSchema.js';

/** Bits of weights: one number, or several, each of which is a search of its own. */
const someBits = z.preprocess(
  (value) => (typeof value === 'number' ? [value] : value),
  list(
    z.custom<WeightBits>((bits) => (weightBits as readonly unknown[]).includes(bits), { error: `one of ${weightBits.join(', ')}` }),
    `${weightBits.join(', ')}, or a list of these`,
  ).refine((all) => all.length > 0 && new Set(all).size === all.length, { error: 'a list in which each number of bits is there once' }),
);

/** A field that false switches off. */
const orFalse = <T>(expected: string, fits: (value: unknown) => boolean) =>
  z.custom<T | false>((value) => value === false || fits(value), { error: expected }).optional();

const share = () => number({ from: 0, to: 1 }).optional();

/** The options of `slb`; what is left out is as the preset has it, or as `slb` has it. */
const search = group({
  preset: orNone(oneOf(...(Object.keys(slbPresets) as (keyof typeof slbPresets)[]))),
  weightBits: someBits.optional(),
  activationBits: z.nullable(whole({ from: 1, to: 8 })).optional(),
  activation: group({ decay: number({ from: 0, below: 1 }).optional(), delay: whole({ from: 0 }).optional() }).optional(),
  trainedEpochs: whole({ from: 0 }).optional(),
  temperature: group({
    start: number({ above: 0 }).optional(),
    startTime: share(),
    endTime: share(),
    factor: number({ from: 1 }).optional(),
  }).optional(),
  bnCalibration: orFalse<'full' | number>(
    'false, full, or a number of batches',
    (n) => n === 'full' || (Number.isSafeInteger(n) && Number(n) > 0),
  ),
  stateBatchNorm: flag().optional(),
  /** Default: pretrained where the model is a file, otherwise random. */
  init: oneOf('pretrained', 'random').optional(),
  alpha: oneOf('none', 'mean', 'learned').optional(),
  granularity: oneOf('channel', 'tensor').optional(),
  grid: oneOf('uniform', 'zero').optional(),
  exclude: patterns().optional(),
  quantizeFirst: flag().optional(),
  quantizeLast: flag().optional(),
  quantizeDownsample: flag().optional(),
  straightThroughTail: orFalse<number>('false, or a temperature, a number above 0', (t) => Number.isFinite(t) && Number(t) > 0),
  /** Of random logits; default: the seed of the run. */
  seed: seed().optional(),
});

const distillation = group({ temperature: number({ above: 0 }).default(2), weight: number({ above: 0 }).default(1) });

export const searchSchema = group({
  ...trainFields,
  /** Of all parameters but logits. */
  optimizer: optimizer({ sgd: { rate: 0.02, nesterov: true, weightDecay: 1e-4 }, adamRate: 1e-3 })
    .prefault({ name: 'sgd' })
    .refine(({ rate }) => rate > 0, { path: ['rate'], error: 'a number above 0: the schedule scales the rate of logits with it' }),
  logits: optimizer({ sgd: { rate: 0.1, nesterov: false, weightDecay: 0 }, adamRate: 0.005 }).prefault({ name: 'adam' }),
  schedule: schedule.prefault({ name: 'cosine' }),
  search: search.prefault({}),
  /** Learning from the model as it was; null: from the labels alone. Default: on where the model is a file. */
  distillation: z.nullable(distillation).optional(),
  /** How model.onnx holds low-bit weights. */
  weights: oneOf(...weightStorages).default('int8'),
});

export type SearchSchema = z.output<typeof searchSchema>;
