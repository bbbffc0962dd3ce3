/** What quantizing each layer costs a network, measured one layer at a time. */
import { checkOptions, fail } from '../error.js';
import type { Batches } from '../quant/calibrate.js';
import { checkWeightBits, type WeightBits } from '../quant/weightScheme.js';
import type { SensitivityRecord } from '../report/quantizationRecord.js';
import type { CalibratedNetwork } from './calibrated.js';
import type { Judge, Score } from './judge.js';
import { Measurements, networkPrint } from './measurements.js';
import { type Product, productsOf, quantizeVariant, type VariantChoice } from './variant.js';
import { bitsOfLayers, checkWeightOptions, type WeightOptions } from './weightRounding.js';

/** A layer is quantized alone, or is alone not quantized. */
export const sensitivityModes = ['only', 'except'] as const;
export type SensitivityMode = (typeof sensitivityModes)[number];

/** What layers are sorted by: noise or angle of the network's outputs, or its top-1 accuracy and then their noise. */
export const sensitivityOrders = ['sqnr', 'cosine', 'accuracy'] as const;
export type SensitivityOrder = (typeof sensitivityOrders)[number];

export interface SensitivityOptions extends Pick<WeightOptions, 'weightBits' | 'weightGroup' | 'weightRange' | 'scales'> {
  /** Default "only". */
  mode?: SensitivityMode;
  /** Default "sqnr". */
  by?: SensitivityOrder;
  /** Measure each layer with weights of each of these widths, instead of the one that `weightBits` gives it; of mode "only". */
  bits?: readonly WeightBits[];
  /** Where measurements are kept: what lies there already is not measured again. */
  folder?: string;
  /** Called before each measurement and at the end, with how many are done. */
  onProgress?: (done: number, total: number, layer?: string) => void;
  signal?: AbortSignal;
}

const where = 'sensitivity';

/**
 * Measures each convolution, linear layer and product of activations of the plan, one at a time, with weights rounded to nearest.
 * @param network what `calibrateNetwork` returned; nothing is calibrated again
 * @param batches for the empirical correction of biases, which is done in each measurement only where they are given
 * @returns the most sensitive first: with mode "only" the layer that costs most alone, with "except" the one that brings most when it stays
 *   float; equal ones in the order of the network
 * @throws LowbitError 'option', 'unknownOption', 'aborted'; 'file' where the folder holds measurements of another network, 'format' where they
 *   are damaged
 */
export async function sensitivity(
  network: CalibratedNetwork,
  judge: Judge,
  batches?: Batches,
  options: SensitivityOptions = {},
): Promise<SensitivityRecord[]> {
  const { mode = 'only', by = 'sqnr', weightBits, weightGroup, weightRange, scales, folder, onProgress, signal } = options;
  checkSensitivity(options, judge);
  const { settings, graph, layers } = network;
  const isCorrected = batches || settings.correctBias !== 'empirical';
  const measured: CalibratedNetwork = {
    ...network,
    weights: options.bits ? undefined : network.weights, // codes that are decided have one width
    settings: isCorrected ? settings : { ...settings, correctBias: false },
  };
  const given = bitsOfLayers(graph, layers, weightBits);
  const products = productsOf(network);
  const widths = ({ name, fixedBits }: Product) => (fixedBits === undefined ? (options.bits ?? [given.get(name)!]) : [fixedBits]);
  const names = products.map(({ name }) => name);
  const choice = (name: string, bits: number): VariantChoice =>
    mode === 'except'
      ? { float: [name], bits: given }
      : { float: names.filter((other) => other !== name), bits: new Map([[name, bits as WeightBits]]) };
  const decisive = { mode, weightGroup, weightRange, scales, ...(mode === 'except' && { bits: [...given] }) };
  const file = Measurements.open<Score>(folder, `${mode}.json`, networkPrint(measured, judge, decisive));
  const tasks = products.flatMap((product) => widths(product).map((bits) => ({ product, bits })));
  const records: SensitivityRecord[] = [];
  for (const { product, bits } of tasks) {
    const { name } = product;
    onProgress?.(records.length, tasks.length, name);
    if (signal?.aborted) fail({ code: 'aborted', what: where });
    const score = await file.of(`${name}@${bits}`, async () => {
      const { graph: variant } = await quantizeVariant(measured, choice(name, bits), batches ?? none, {
        weightGroup,
        weightRange,
        scales,
        signal,
      });
      return judge.score(variant);
    });
    records.push(recordOf(product, bits, score));
  }
  onProgress?.(tasks.length, tasks.length);
  const sign = mode === 'only' ? 1 : -1;
  return records.sort((a, b) => sign * compare[by](a, b));
}

async function* none() {}

function checkSensitivity(options: SensitivityOptions, judge: Judge): void {
  const { mode = 'only', by = 'sqnr', bits, weightBits, weightGroup, weightRange, scales } = options;
  checkOptions(where, options, [
    'mode',
    'by',
    'bits',
    'weightBits',
    'weightGroup',
    'weightRange',
    'scales',
    'folder',
    'onProgress',
    'signal',
  ]);
  checkWeightOptions({ weightBits, weightGroup, weightRange, scales });
  const refuse = (option: keyof SensitivityOptions, expected: string, because?: string) =>
    fail({ code: 'option', where, option, came: options[option], expected, because });
  if (!sensitivityModes.includes(mode)) refuse('mode', `one of ${sensitivityModes.join(', ')}`);
  if (!sensitivityOrders.includes(by)) refuse('by', `one of ${sensitivityOrders.join(', ')}`);
  if (by === 'accuracy' && !judge.countsAnswers) refuse('by', '"sqnr" or "cosine"', 'right answers cannot be counted');
  if (bits === undefined) return;
  if (mode === 'except') refuse('bits', 'to be left out', 'mode is "except"');
  for (const width of bits) checkWeightBits(where, width);
}

/** Decibels: nothing is left of the signal. A float output of zeros alone has none to begin with. */
const leastSqnr = -300;

function recordOf({ name, op, parameters }: Product, bits: number, { sqnr, cosine, top1 }: Score): SensitivityRecord {
  return {
    name,
    op,
    parameters,
    bits,
    sqnr: sqnr === Number.POSITIVE_INFINITY ? null : sqnr > leastSqnr ? sqnr : leastSqnr,
    cosine: Number.isNaN(cosine) ? 0 : cosine,
    ...(top1 !== null && { top1 }),
  };
}

type Order = (a: SensitivityRecord, b: SensitivityRecord) => number;

const noise: Order = (a, b) => (a.sqnr === b.sqnr ? 0 : (a.sqnr ?? Number.POSITIVE_INFINITY) - (b.sqnr ?? Number.POSITIVE_INFINITY));

const compare: Record<SensitivityOrder, Order> = {
  sqnr: noise,
  cosine: (a, b) => a.cosine - b.cosine,
  accuracy: (a, b) => a.top1! - b.top1! || noise(a, b),
};
