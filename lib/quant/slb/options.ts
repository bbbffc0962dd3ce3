/** What can be said about a search, and what is refused. */
import { checkOptions, fail } from '../../error.js';
import type { Selection } from '../../train/selection.js';
import { type Grid, type WeightBits, weightBits } from './grid.js';

/** When and how fast probabilities are sharpened; times are shares of the epochs. The temperature multiplies the logits: T = 1 / tau of the paper. */
export interface TemperatureOptions {
  /** T until the ramp begins. Default 1. */
  start?: number;
  /** Where the ramp begins. Default 0. */
  startTime?: number;
  /** Where it ends, and weights are decided. Default 0.1: what they learn in the tail counts for more than a slow decision. */
  endTime?: number;
  /** T is multiplied by this at each epoch of the ramp. Default 1.5; at least 1. */
  factor?: number;
}

/** How activations get codes. */
export interface ActivationOptions {
  /** What is known of a range counts so much, the new batch the rest; 0 takes the last batch's. Default 0.99. */
  decay?: number;
  /** Batches that a range sees before it is used. Default 100. */
  delay?: number;
}

export interface SlbOptions {
  /** Default 1. */
  weightBits?: WeightBits;
  /** Bits of activations, 1 to 8; null leaves them float. Default null. */
  activationBits?: number | null;
  activation?: ActivationOptions;
  /** Epochs of the whole search. */
  epochs: number;
  /** Of these, epochs that an earlier run has done without a checkpoint to resume from. Default 0. */
  trainedEpochs?: number;
  temperature?: TemperatureOptions;
  /** "full" pass over the training set after each epoch of the ramp and later, or so many batches; false for none. Default 50. */
  bnCalibration?: false | 'full' | number;
  /** Running statistics of the decided weights beside those of the expected ones: a second forward pass each step. Default false. */
  stateBatchNorm?: boolean;
  /** Begin at the weights of the network, or anew. Default "pretrained". */
  init?: 'pretrained' | 'random';
  /** Scale of the values: "none", the mean magnitude of the weights, or learned. Default "learned". */
  alpha?: 'none' | 'mean' | 'learned';
  /** One scale an output channel, or one a weight. Default "channel". */
  granularity?: 'channel' | 'tensor';
  /** Default "uniform". */
  grid?: Grid;
  /** Layers to leave as they are: names, with * for anything, or patterns. */
  exclude?: Selection;
  /** Layers that nothing quantizable comes before. Default false. */
  quantizeFirst?: boolean;
  /** Layers that nothing quantizable comes behind. Default false. */
  quantizeLast?: boolean;
  /** 1×1 convolutions with a stride. Default false. */
  quantizeDownsample?: boolean;
  /** Once weights are decided they go on learning, with the gradient that the expected weights have at this temperature; false: they are fixed. Default 1. */
  straightThroughTail?: false | number;
  /** Decides random logits. Default 0. */
  seed?: number;
}

export interface SlbSettings extends Required<Omit<SlbOptions, 'temperature' | 'activation'>> {
  temperature: Required<TemperatureOptions>;
  activation: Required<ActivationOptions>;
}

const defaults: Omit<SlbSettings, 'epochs'> = {
  weightBits: 1,
  activationBits: null,
  activation: { decay: 0.99, delay: 100 },
  trainedEpochs: 0,
  temperature: { start: 1, startTime: 0, endTime: 0.1, factor: 1.5 },
  bnCalibration: 50,
  stateBatchNorm: false,
  init: 'pretrained',
  alpha: 'learned',
  granularity: 'channel',
  grid: 'uniform',
  exclude: [],
  quantizeFirst: false,
  quantizeLast: false,
  quantizeDownsample: false,
  straightThroughTail: 1,
  seed: 0,
};

/** Names of all options of `slb`. */
export const slbOptionNames = ['epochs', ...Object.keys(defaults)];

const where = 'slb';

/** All options, checked, defaults filled in. */
export function slbSettings(options: SlbOptions): SlbSettings {
  checkOptions(where, options, slbOptionNames);
  checkOptions(`${where}: temperature`, options.temperature ?? {}, Object.keys(defaults.temperature));
  checkOptions(`${where}: activation`, options.activation ?? {}, Object.keys(defaults.activation));
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as SlbOptions;
  const settings = {
    ...defaults,
    ...given,
    temperature: { ...defaults.temperature, ...given.temperature },
    activation: { ...defaults.activation, ...given.activation },
  };
  check(settings);
  return settings;
}

function check(settings: SlbSettings): void {
  const refuse = (option: string, came: unknown, expected: string, because?: string): never =>
    fail({ code: 'option', where, option, came, expected, because });
  const number = (option: string, came: unknown, low: number, high: number, whole: boolean, expected: string) => {
    const ok = typeof came === 'number' && came >= low && came <= high && (whole ? Number.isSafeInteger(came) : Number.isFinite(came));
    if (!ok) refuse(option, came, expected);
  };
  const oneOf = (option: keyof SlbSettings, choices: readonly unknown[]) => {
    if (!choices.includes(settings[option]))
      refuse(option, settings[option], `one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`);
  };
  const { temperature, activation, epochs, trainedEpochs, bnCalibration, straightThroughTail, activationBits } = settings;
  oneOf('weightBits', weightBits);
  if (activationBits !== null) number('activationBits', activationBits, 1, 8, true, 'null, or a whole number from 1 to 8');
  number('activation.decay', activation.decay, 0, 1 - Number.EPSILON, false, 'a number from 0 to below 1');
  number('activation.delay', activation.delay, 0, Infinity, true, 'a whole number from 0');
  number('epochs', epochs, 1, Infinity, true, 'a whole number from 1');
  number('trainedEpochs', trainedEpochs, 0, epochs - 1, true, `a whole number from 0, below the ${epochs} epochs`);
  number('temperature.start', temperature.start, Number.MIN_VALUE, Infinity, false, 'a number above 0');
  number('temperature.startTime', temperature.startTime, 0, 1, false, 'a share of the epochs, from 0 to 1');
  number('temperature.endTime', temperature.endTime, temperature.startTime, 1, false, `from startTime, ${temperature.startTime}, to 1`);
  number('temperature.factor', temperature.factor, 1, Infinity, false, 'a number from 1: below, probabilities would soften');
  if (bnCalibration !== false && bnCalibration !== 'full')
    number('bnCalibration', bnCalibration, 1, Infinity, true, 'false, "full", or a number of batches');
  oneOf('init', ['pretrained', 'random']);
  oneOf('alpha', ['none', 'mean', 'learned']);
  oneOf('granularity', ['channel', 'tensor']);
  oneOf('grid', ['uniform', 'zero']);
  if (settings.grid === 'zero' && settings.weightBits === 1) refuse('grid', 'zero', '"uniform"', 'one bit has two values, −1 and 1');
  for (const flag of ['stateBatchNorm', 'quantizeFirst', 'quantizeLast', 'quantizeDownsample'] as const) oneOf(flag, [true, false]);
  if (straightThroughTail !== false)
    number('straightThroughTail', straightThroughTail, Number.MIN_VALUE, Infinity, false, 'false, or a temperature above 0');
  number('seed', settings.seed, 0, Infinity, true, 'a whole number from 0');
}

/** The published forms. Each is a set of options to spread: `slb({ ...slbPresets.paper, epochs: 400 })`. */
export const slbPresets = {
  /** Golden Stick's defaults: every convolution, from random logits, fixed once decided. It leaves linear layers alone, so the classifier too. */
  goldenStick: {
    ...{ weightBits: 1, init: 'random', alpha: 'none', quantizeFirst: true, quantizeLast: false, quantizeDownsample: true },
    ...{ temperature: { start: 1, startTime: 0.2, endTime: 0.6, factor: 1.2 }, straightThroughTail: false, bnCalibration: false },
    activation: { decay: 0, delay: 900 },
  },
  /** The CIFAR ResNet-20 recipe of the paper's release: first and last layer float, calibration after every epoch. */
  paper: {
    ...{ weightBits: 1, init: 'random', alpha: 'none', quantizeFirst: false, quantizeLast: false, quantizeDownsample: false },
    ...{ temperature: { start: 1, startTime: 0.4, endTime: 0.9, factor: 1.04 }, straightThroughTail: false, bnCalibration: 79 },
  },
} as const satisfies Record<string, Partial<SlbOptions>>;
