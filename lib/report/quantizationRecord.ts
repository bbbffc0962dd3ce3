/** What a quantization came to, as plain data: report.json, and what the page shows. */
import type { Shape } from '../shape.js';
import type { Machine } from './html.js';

/** Counts of numbers in bins of one width; numbers outside are counted at the ends. */
export interface Histogram {
  low: number;
  high: number;
  counts: readonly number[];
}

/** The output of a layer: real numbers of the float model, and the codes that stand for them. */
export interface ActivationRecord {
  /** Of the tensor. */
  name: string;
  /** The numbers that codes stand for. */
  range: { min: number; max: number };
  /** Share of the float model's numbers outside of it. */
  clipped: number;
  histogram: Histogram;
}

export interface WeightRecord {
  bits: number;
  /** Against the weight of the float file, in decibels; null where they are equal, and where a pass scaled its channels. */
  sqnr: number | null;
  histogram: Histogram;
  /** Largest |w| of each output channel, as quantized and, where that has such a weight, in the float file. */
  channels: { now: readonly number[]; before?: readonly number[] };
  /** A pass (equalization, say) changed the ranges of its channels before they were rounded. */
  scaled: boolean;
  /** Steps between codes: one, one for each channel, or as many for each channel as it has groups. */
  scales: readonly number[];
}

export interface LayerRecord {
  name: string;
  op: string;
  /** Of its output for one sample. */
  shape: Shape;
  parameters: number;
  floatBytes: number;
  bytes: number;
  weight: WeightRecord;
  /** Of its output, or of the codes that stand for it: decibels, null where all numbers are equal; missing where there is nothing to compare it with. */
  sqnr?: number | null;
  /** Share of its noise that is a shift of its channels' means; missing where channels are scaled. */
  shifted?: number;
  /** Of the tensor that it reads; missing where that is the network's input. */
  inputSqnr?: number | null;
  /** Missing where its output stays real. */
  activation?: ActivationRecord;
  /** Of one sample, on the integer kernels of this machine. */
  milliseconds?: number;
}

export interface Accuracy {
  top1: number;
  top5: number;
  samples: number;
}

export interface QuantizationRecord extends Machine {
  model: { name: string; bytes: number; sha256: string };
  quantized: { bytes: number; sha256: string };
  /** What was asked for, with every default, and what the ranges come from: where the report was written together with the model. */
  options?: Readonly<Record<string, unknown>>;
  calibration?: { data: string; samples: number };
  /** Where both models were evaluated. */
  accuracy?: { data: string; float: Accuracy; quantized: Accuracy };
  /** The signal to noise of the outputs, over so many samples. */
  outputs: readonly { name: string; sqnr: number | null }[];
  samples: number;
  layers: readonly LayerRecord[];
  /** A pass scaled channels between layers: their signal to noise is measured with each channel scaled back as it suits best. */
  scaled: boolean;
  /** What each layer costs, where that was measured. */
  sensitivity?: readonly SensitivityRecord[];
  /** How the options were found, where they were searched for. */
  ladder?: LadderRecord;
  /** Layers that stay float. */
  float: readonly { name: string; op: string; reason: string }[];
}

/** What one layer costs: it alone is quantized, or it alone is not. Sorted, the most sensitive first. */
export interface SensitivityRecord {
  name: string;
  op: string;
  parameters: number;
  /** Bits of its weights when it was measured. */
  bits: number;
  /** Of the network's outputs: decibels, null where they are equal. */
  sqnr: number | null;
  cosine: number;
  /** Missing without labels. */
  top1?: number;
}

/** One rung of the ladder that `quantize --auto` climbs. */
export interface RungRecord {
  /** "correct biases". */
  name: string;
  /** What it did, or why there was nothing to do: "biases of 27 layers". */
  detail: string;
  /** Whether what it did was kept for the rungs above; "nothing" where there was nothing to do. */
  outcome: 'kept' | 'dropped' | 'nothing';
  /** Of the network on this rung; missing where there was nothing to do. */
  result?: { top1: number | null; sqnr: number | null; bytes: number };
  seconds: number;
}

/** How `quantize --auto` came to its network. */
export interface LadderRecord {
  /** Points of top-1 that may be lost, or decibels that the outputs must have. */
  target: { maxDrop: number } | { minSqnr: number };
  met: boolean;
  float: { top1: number | null; bytes: number };
  /** What networks were judged by. */
  judged: { data: string; samples: number; heldOut: boolean };
  rungs: readonly RungRecord[];
  /** Layers that were left float to meet the target, the most sensitive first. */
  leftFloat: readonly string[];
}
