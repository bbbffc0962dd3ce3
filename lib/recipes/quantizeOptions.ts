/** What `quantize` may be told. */
import { checkOptions, fail } from '../error.js';
import { keepsShare, type ObserverName, observerNames } from '../quant/observers/index.js';
import type { Device } from '../shape.js';
import { type ActivationOptions, checkActivationOptions } from './activationCodes.js';
import { type CorrectionMethod, correctionMethods } from './corrected.js';
import { checkWeightOptions, type WeightOptions, weightOptions } from './weightRounding.js';

export interface QuantizeOptions extends WeightOptions, ActivationOptions {
  /** How ranges are chosen from what was seen. Default "mse". */
  observer?: ObserverName;
  /** Put the zero point of activations at the middle of the codes (or at 0 where nothing is negative). Default false. */
  symmetric?: boolean;
  /** One scale for each weight instead of one a channel. Default false. */
  perTensor?: boolean;
  /** Per cent of the numbers that the observers percentile (default 99.99) and hist (default 99.999) keep. */
  percentile?: number;
  /** Layers to leave float: names, or patterns written /like this/. */
  exclude?: readonly string[];
  /**
   * Scale channels between layers so that their weights have like ranges (`equalizeLayers`), as far as no activation that was measured grows
   * beyond its clip or the largest channel. Default false.
   */
  equalize?: boolean;
  /** Make relu of the ReLU6 between layers first, so that equalization need not mind them (`replaceRelu6`). Default false. */
  replaceRelu6?: boolean;
  /** Move high biases through ReLUs into the next layer (`absorbBias`). Default false. */
  absorbBias?: boolean;
  /**
   * Move outlying channels of activations into the weights of the layers that read them (`migrateScales`): for transformers. A number is the
   * share α, 0 to 1, for all of them; true takes the best for each, or none. Default false.
   */
  smooth?: boolean | number;
  /**
   * Correct what rounding adds to outputs on average: "empirical" measures it on samples, "analytic" derives it from batch normalization,
   * "weights" gives rounded weights the mean and deviation of the real ones. Default false.
   */
  correctBias?: CorrectionMethod | false;
  /** Where the samples are run and watched for the ranges, default 'cpu'. */
  device?: Device;
  /** In the step "correcting", `done` are layers, else samples; `of` says of how many where that is known. */
  onProgress?: (done: number, step: QuantizeStep, of?: number) => void;
  signal?: AbortSignal;
}

/** What `quantize` does one after the other; only calibration always. */
export type QuantizeStep = 'measuring' | 'calibrating' | 'correcting';

const defaults = {
  observer: 'mse',
  activations: 'uint8',
  symmetric: false,
  perTensor: false,
  exclude: [],
  equalize: false,
  replaceRelu6: false,
  absorbBias: false,
  smooth: false,
  correctBias: false,
} as const;

/** Names of all options of `quantize`. */
export const quantizeOptions = [
  ...Object.keys(defaults),
  'percentile',
  'activationBits',
  ...weightOptions,
  'device',
  'onProgress',
  'signal',
];

/** Options with their defaults. */
export type QuantizeSettings = Required<Pick<QuantizeOptions, keyof typeof defaults>> &
  Pick<QuantizeOptions, 'percentile' | 'scales' | 'activationBits' | 'weightGroup'>;

/** @throws LowbitError "unknownOption", "option" */
export function quantizeSettings(options: QuantizeOptions): QuantizeSettings {
  checkOptions('quantize', options, quantizeOptions);
  checkWeightOptions(options);
  checkActivationOptions(options);
  const given = Object.fromEntries(Object.entries(options).filter(([name, value]) => name in defaults && value !== undefined));
  const { percentile: share, scales, activationBits, weightGroup } = options;
  const settings: QuantizeSettings = { ...defaults, percentile: share, scales, activationBits, weightGroup, ...given };
  const refuse = (option: keyof QuantizeSettings, expected: string, because?: string): never =>
    fail({ code: 'option', where: 'quantize', option, came: settings[option], expected, because });
  if (!observerNames.includes(settings.observer)) refuse('observer', `one of ${observerNames.join(', ')}`);
  for (const flag of ['symmetric', 'perTensor', 'equalize', 'replaceRelu6', 'absorbBias'] as const)
    if (typeof settings[flag] !== 'boolean') refuse(flag, 'true or false');
  const { percentile = 100 } = settings;
  if (!(percentile > 0 && percentile <= 100)) refuse('percentile', 'a number above 0, at most 100');
  if (options.percentile !== undefined && !keepsShare(settings.observer)) {
    refuse('percentile', 'to be left out', `observer is "${settings.observer}"`);
  }
  if (!Array.isArray(settings.exclude) || settings.exclude.some((item) => typeof item !== 'string')) refuse('exclude', 'a list of names');
  const leftOut = (option: keyof QuantizeSettings, isSet: unknown, because: string) => isSet && refuse(option, 'to be left out', because);
  if (settings.activations === 'float') {
    leftOut('activationBits', options.activationBits !== undefined, 'activations are "float"');
    leftOut('smooth', settings.smooth !== false, 'activations are "float"');
  } else leftOut('weightGroup', options.weightGroup, 'activations are no "float"; integer sums have one scale for each output channel');
  if (options.weightGroup) {
    leftOut('perTensor', settings.perTensor, 'weightGroup is set');
    leftOut('correctBias', settings.correctBias, 'weightGroup is set');
  }
  const { smooth } = settings;
  if (typeof smooth !== 'boolean' && !(typeof smooth === 'number' && smooth >= 0 && smooth <= 1)) {
    refuse('smooth', 'true, false or a number from 0 to 1');
  }
  if (settings.replaceRelu6 && !settings.equalize) refuse('replaceRelu6', 'to be left out', 'equalize is not set');
  if (settings.correctBias !== false && !correctionMethods.includes(settings.correctBias)) {
    refuse('correctBias', `false or one of ${correctionMethods.join(', ')}`);
  }
  if (settings.correctBias === 'weights' && settings.perTensor) {
    refuse('correctBias', '"empirical" or "analytic"', 'perTensor gives the channels of a weight one scale');
  }
  return settings;
}

/** What is told about the progress of one step. */
export const stepProgress =
  ({ onProgress }: QuantizeOptions, step: QuantizeStep) =>
  (done: number, of?: number) =>
    onProgress?.(done, step, of);
