/** What a record of a quantization looks like as a file. */
import * as z from 'zod';
import type { QuantizationRecord } from '../report/quantizationRecord.js';
import { flag, list, number, oneOf, whole } from './configFields.js';

// A record holds names as they are in networks, and some have none.
const text = () => z.string({ error: 'a text' });
const count = () => whole({ from: 0 });
const share = () => number({ from: 0, to: 1 });
/** JSON writes a number that is none as null. */
const measured = () => z.nullable(number()).transform((n) => n ?? Number.NaN);
const decibels = () => z.nullable(number());
const numbers = () => list(measured(), 'a list of numbers');

const histogram = z.object({
  low: measured(),
  high: measured(),
  counts: list(number({ from: 0 }), 'a list of counts').min(1, 'a list of counts'),
});
const accuracy = z.object({ top1: share(), top5: share(), samples: count() });
const file = { bytes: count(), sha256: text() };

const activation = z.object({
  name: text(),
  range: z.object({ min: measured(), max: measured() }),
  clipped: share(),
  histogram,
});

const weight = z.object({
  bits: number({ above: 0 }),
  sqnr: decibels(),
  histogram,
  channels: z.object({ now: numbers(), before: numbers().optional() }),
  scaled: flag(),
  scales: numbers(),
});

const layer = z.object({
  name: text(),
  op: text(),
  shape: list(count(), 'a shape'),
  parameters: count(),
  floatBytes: count(),
  bytes: count(),
  weight,
  sqnr: decibels().optional(),
  shifted: number({ from: 0 }).optional(),
  inputSqnr: decibels().optional(),
  activation: activation.optional(),
  milliseconds: number({ from: 0 }).optional(),
});

const sensitivity = z.object({
  name: text(),
  op: text(),
  parameters: count(),
  bits: number({ above: 0 }),
  sqnr: decibels(),
  cosine: measured(),
  top1: share().optional(),
});

const rung = z.object({
  name: text(),
  detail: text(),
  outcome: oneOf('kept', 'dropped', 'nothing'),
  result: z.object({ top1: z.nullable(share()), sqnr: decibels(), bytes: count() }).optional(),
  seconds: number({ from: 0 }),
});

const ladder = z.object({
  target: z.union([z.object({ maxDrop: number({ from: 0 }) }), z.object({ minSqnr: number() })], { error: 'maxDrop or minSqnr' }),
  met: flag(),
  float: z.object({ top1: z.nullable(share()), bytes: count() }),
  judged: z.object({ data: text(), samples: count(), heldOut: flag() }),
  rungs: list(rung, 'a list of rungs'),
  leftFloat: list(text(), 'a list of names'),
});

/** Keys that are not known are let through: a later version may write more. */
export const recordSchema: z.ZodType<QuantizationRecord> = z.object({
  versions: z.object({ lowbit: text(), node: text() }),
  processor: text(),
  threads: count(),
  model: z.object({ name: text(), ...file }),
  quantized: z.object(file),
  options: z.record(z.string(), z.unknown(), { error: 'options by name' }).optional(),
  calibration: z.object({ data: text(), samples: count() }).optional(),
  accuracy: z.object({ data: text(), float: accuracy, quantized: accuracy }).optional(),
  outputs: list(z.object({ name: text(), sqnr: decibels() }), 'a list of outputs'),
  samples: count(),
  layers: list(layer, 'a list of layers'),
  scaled: flag(),
  sensitivity: list(sensitivity, 'a list of layers').optional(),
  ladder: ladder.optional(),
  float: list(z.object({ name: text(), op: text(), reason: text() }), 'a list of layers'),
});
