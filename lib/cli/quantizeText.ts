/** What `lowbit quantize` says when it is done. */
import type { CorrectionMethod } from '../recipes/corrected.js';
import type { Quantized, QuantizedLayer } from '../recipes/quantize.js';
import type { LadderRecord } from '../report/quantizationRecord.js';
import type { FittedModel } from '../targets/fitModel.js';
import { bytes, facts } from './format.js';
import { floatTable } from './inspect.js';
import { type BitsOutcome, bitsFacts } from './quantizeBits.js';
import { findingLines, fixLines } from './targetText.js';

/** What --json prints. */
export interface Outcome {
  output: string;
  bytesBefore: number;
  bytesAfter: number;
  /** How many layers became integer, and whose weights became codes. */
  quantizedLayers: number;
  layers: QuantizedLayer[];
  floatLayers: { name: string; op: string; reason: string }[];
  calibrationSamples: number;
  /** What AdaRound made of each layer. */
  rounding: Quantized['rounding'];
  /** What was done about the loss, where it was asked for. */
  steps: Steps;
  /** How `--auto` found the options. */
  ladder?: LadderRecord;
  /** How `--max-size` and `--max-latency` chose bits. */
  search?: BitsOutcome;
  /** The page, and its numbers. */
  report?: { page: string; json: string };
  /** What was done for the target, and what it still has against the model. */
  target?: Omit<FittedModel, 'model'>;
}

/** What the steps around calibration did, in short. */
interface Steps {
  /** Clips that became relu. */
  replacedRelu6?: number;
  equalized?: { sweeps: number; layers: number };
  absorbed?: { layers: number; skipped: number; largest: number };
  /** Values whose channels were divided, and how many layers read them. */
  smoothed?: { values: number; layers: number };
  corrected?: { method: CorrectionMethod; layers: number; largest: number; layer: string };
}

export function stepsOf({ replacedRelu6, equalized, absorbed, smoothed, corrected }: Quantized): Steps {
  const most = <T extends { largest: number }>(layers: readonly T[]) => layers.reduce((a, b) => (b.largest > a.largest ? b : a), layers[0]);
  return {
    ...(replacedRelu6 && { replacedRelu6: replacedRelu6.length }),
    ...(equalized && { equalized: { sweeps: equalized.sweeps, layers: equalized.layers.length } }),
    ...(absorbed && {
      absorbed: { layers: absorbed.layers.length, skipped: absorbed.skipped.length, largest: most(absorbed.layers)?.largest ?? 0 },
    }),
    ...(smoothed && { smoothed: { values: smoothed.length, layers: smoothed.flatMap(({ layers }) => layers).length } }),
    ...(corrected && {
      corrected: {
        method: corrected.method,
        layers: corrected.layers.length,
        largest: most(corrected.layers)?.largest ?? 0,
        layer: most(corrected.layers)?.name ?? '',
      },
    }),
  };
}

/** The steps as lines of the summary. */
function stepFacts({ replacedRelu6, equalized, absorbed, smoothed, corrected }: Steps): [string, string][] {
  const lines: [string, string | undefined][] = [
    ['relu6', replacedRelu6 === undefined ? undefined : `${replacedRelu6} made relu`],
    ['equalized', equalized && `${equalized.layers} layers in ${equalized.sweeps} sweeps`],
    ['absorbed', absorbed && `biases of ${absorbed.layers} layers, at most ${absorbed.largest.toPrecision(3)}`],
    ['smoothed', smoothed && `${smoothed.values} values for ${smoothed.layers} layers`],
    ['corrected', corrected && `biases of ${corrected.layers} layers, most by ${corrected.largest.toPrecision(3)} in ${corrected.layer}`],
  ];
  return lines.filter((line): line is [string, string] => line[1] !== undefined);
}

export function outcomeText(outcome: Outcome): string {
  const { output, bytesBefore, bytesAfter, quantizedLayers, floatLayers, calibrationSamples, steps, ladder, search, target, report } =
    outcome;
  const general = facts([
    ...(ladder ? [targetFact(ladder)] : []),
    ['wrote', output],
    ['size', `${bytes(bytesBefore)} -> ${bytes(bytesAfter)}, ${(bytesBefore / bytesAfter).toFixed(2)} times smaller`],
    ...(search ? bitsFacts(search) : []),
    ['layers', `${quantizedLayers} on integers, ${floatLayers.length} on real numbers`],
    ['calibrated on', `${calibrationSamples} samples`],
    ...stepFacts(steps),
    ...(report ? [['page', report.page] as const] : []),
  ]);
  const floats = floatLayers.length > 0 ? floatTable(floatLayers) : '';
  const parts = [general, floats, fixLines(target?.fixes ?? []), findingLines(target?.findings ?? [])];
  return parts.filter((part) => part !== '').join('\n\n');
}

function targetFact({ met, leftFloat }: LadderRecord): [string, string] {
  if (!met) return ['target', 'NOT met: this is the best that was found'];
  return ['target', leftFloat.length > 0 ? `met, with ${leftFloat.length} of the layers left float` : 'met'];
}
