/** `lowbit quantize MODEL --max-size 400kB`: mixed precision. */
import { type Command, InvalidArgumentError } from 'commander';
import { fail } from '../error.js';
import type { WeightBits } from '../quant/weightScheme.js';
import type { Limits } from '../recipes/mixed/options.js';
import { type BitSearch, searchBits } from '../recipes/mixed/searchBits.js';
import type { Quantized } from '../recipes/quantize.js';
import type { Job } from './command.js';
import { bytes, percent } from './format.js';
import { calibratedAndJudged } from './judged.js';
import { listOf, number, wholeFrom } from './options.js';
import type { Options } from './quantize.js';
import { schemeOf } from './quantizeScheme.js';

export interface BitsFlags {
  maxSize?: Limits;
  maxLatency?: Limits;
  bits?: WeightBits[];
  refinements?: number;
}

export function addBitsOptions(target: Command): Command {
  return target
    .option('--max-size <size>', 'bits of each layer for a file of at most 400kB, 1.5MB, or 60% of 8 bits', sizeOf)
    .option('--max-latency <time>', 'bits of each layer for a run of at most 2ms on this machine', timeOf)
    .option('--bits <list>', 'max-size, max-latency: widths to choose from (default: 8,4,2)', listOf(number))
    .option('--refinements <n>', 'max-size, max-latency: judge n more networks near the computed one (default: 12)', wholeFrom(0));
}

/** Is there a budget? */
export const hasBudget = ({ maxSize, maxLatency }: BitsFlags) => maxSize !== undefined || maxLatency !== undefined;

/** @throws LowbitError 'option' for what does not go together */
export function checkBitsOptions(options: Options): void {
  const { auto, maxSize, maxLatency, bits, refinements, weightBits, weightGroup, target } = options;
  const refuse = (option: string, came: unknown, because: string) =>
    fail({ code: 'option', where: 'quantize', option, came, expected: 'to be left out', because });
  if (!hasBudget(options)) {
    if (bits) refuse('bits', bits, 'neither maxSize nor maxLatency is set; weightBits is for all layers');
    if (refinements !== undefined) refuse('refinements', refinements, 'neither maxSize nor maxLatency is set');
    return;
  }
  if (maxSize && maxLatency) refuse('maxLatency', maxLatency.maxMilliseconds, 'maxSize is the limit');
  if (target) refuse('target', target, 'what is changed for a runtime changes the size; say which weights it reads (weights)');
  if (weightGroup) refuse('weightGroup', weightGroup, 'bits are chosen for weights with a scale a channel');
  if (auto) refuse('auto', auto, 'the bits of layers are searched for');
  if (weightBits) refuse('weightBits', Object.values(weightBits), 'the bits of layers are searched for');
}

const units: Readonly<Record<string, number>> = { '': 1, b: 1, bytes: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20 };

function sizeOf(text: string): Limits {
  const [, digits, unit] = /^\s*([\d.]+)\s*([a-z]*|%)\s*$/i.exec(text) ?? [];
  const value = Number(digits);
  if (unit === '%' && value > 0) return { maxShare: value / 100 };
  const factor = units[unit?.toLowerCase()];
  if (!(value > 0) || factor === undefined) throw new InvalidArgumentError('Expected a size, like 400kB or 60%.');
  return { maxBytes: Math.floor(value * factor) };
}

function timeOf(text: string): Limits {
  const [, digits, unit] = /^\s*([\d.]+)\s*(us|ms|s)\s*$/.exec(text) ?? [];
  const value = Number(digits) * { us: 1e-3, ms: 1, s: 1e3 }[unit as 'us' | 'ms' | 's'];
  if (!(value > 0)) throw new InvalidArgumentError('Expected a time, like 2ms or 300us.');
  return { maxMilliseconds: value };
}

export type BitsOutcome = Omit<BitSearch, 'quantized'> & { isOfTime: boolean };

export async function quantizeToBudget(
  job: Job<Options>,
  model: string,
): Promise<{ quantized: Quantized; samples: number; search: BitsOutcome; sensitivity: BitSearch['sensitivity'] }> {
  const { maxSize, maxLatency, bits: widths, refinements, folder, opset, weights: storage } = job.options;
  const { network, judge, batches, calibration } = await calibratedAndJudged(job, model);
  const { weightRange, scales, rounding, adaround, leastSquares } = schemeOf(job.options);
  const line = job.progress('searching bits');
  const { quantized, ...found } = await searchBits(network, judge, batches, {
    ...{ ...maxSize, ...maxLatency, widths, refinements, folder, opset, storage },
    ...{ weightRange, scales, rounding, adaround, leastSquares, signal: job.signal },
    onProgress: (what, done, total) => line.show(`${what}  ${done}/${total}`),
  });
  return { quantized, samples: calibration, sensitivity: found.sensitivity, search: { ...found, isOfTime: maxLatency !== undefined } };
}

/** The lines of the summary. */
export function bitsFacts({ bits, used, limit, isOfTime, score, predicted }: BitsOutcome): [string, string][] {
  const counts = new Map<number, number>();
  for (const width of Object.values(bits)) counts.set(width, (counts.get(width) ?? 0) + 1);
  const layers = [...counts].sort(([a], [b]) => b - a).map(([width, count]) => `${width} in ${count}`);
  const amount = (x: number) => (isOfTime ? `${x.toFixed(3)} ms` : bytes(x));
  const { top1, sqnr } = score;
  return [
    ['bits', `${layers.join(', ')} layers`],
    ['budget', `${amount(used)} of ${amount(limit)}`],
    ['judged', [...(top1 === null ? [] : [percent(top1)]), `${sqnr.toFixed(1)} dB, computed ${predicted.toFixed(1)} dB`].join(', ')],
  ];
}
