/** What became of a layer's weight: its codes beside the numbers of the float file. */
import type { Graph, Value } from '../graph/graph.js';
import { codesOf } from '../graph/match.js';
import { runOp } from '../op.js';
import { dequantize } from '../ops/index.js';
import type { WeightRecord } from '../report/quantizationRecord.js';
import { scope } from '../tensor.js';
import type { CodedWeight } from './codedWeights.js';
import { Distance } from './distance.js';
import { TensorHistogram } from './tensorHistogram.js';

/**
 * @param graph with its weights unpacked
 * @param float the network before it was quantized, its batch normalizations folded as theirs are
 */
export function weightRecord(graph: Graph, float: Graph, { layer, bits }: CodedWeight): WeightRecord {
  const node = graph.nodes.find(({ name }) => name === layer)!;
  const value = node.inputs[1];
  const constants = value.producer!.inputs.map((of) => graph.constantOf(of)!);
  const numbers = scope(() => runOp(dequantize, constants, value.producer!.params).toNumbers());
  const scales = constants[1].toNumbers();
  const channels = channelsOf(graph, value);
  const twin = float.nodes.find(({ name, op }) => name === node.name && op === node.op);
  const real = twin && float.constantOf(twin.inputs[1])?.toNumbers();
  const twins = real?.length === numbers.length ? real : undefined;
  const scaled = twins !== undefined && isScaled(twins, numbers, channels, scales);
  return {
    bits,
    sqnr: twins && !scaled ? sqnrOf(twins, numbers) : null,
    histogram: histogramOf(numbers),
    channels: { now: largestOf(numbers, channels), ...(twins && { before: largestOf(twins, channels) }) },
    scaled,
    scales,
  };
}

/**
 * Rounding, up or down, moves a weight by less than a step; only at the ends of a channel's codes it may have come from further out. Where more than
 * a hundredth came from further off, a pass was there.
 */
function isScaled(real: readonly number[], numbers: readonly number[], channels: number, scales: readonly number[]): boolean {
  const row = numbers.length / channels;
  let far = 0;
  for (let c = 0; c < channels; c++) {
    const step = 1.01 * (scales[c] ?? scales[0]);
    const codes = numbers.slice(c * row, (c + 1) * row);
    const [least, most] = codes.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [0, 0]);
    far += codes.filter((x, i) => {
      const away = real[c * row + i] - x;
      return Math.abs(away) > step && !(x === most && away > 0) && !(x === least && away < 0);
    }).length;
  }
  return far > numbers.length / 100;
}

function histogramOf(numbers: readonly number[]) {
  const histogram = new TensorHistogram();
  histogram.add(numbers);
  return histogram.result();
}

function channelsOf(graph: Graph, value: Value): number {
  return graph.constantOf(codesOf(graph, value)!)?.shape[0] ?? 1;
}

function largestOf(numbers: readonly number[], channels: number): number[] {
  const row = numbers.length / channels;
  return Array.from({ length: channels }, (_, c) =>
    numbers.slice(c * row, (c + 1) * row).reduce((most, x) => Math.max(most, Math.abs(x)), 0),
  );
}

function sqnrOf(real: readonly number[], numbers: readonly number[]): number | null {
  const distance = new Distance([]);
  distance.add(Float64Array.from(real), Float64Array.from(numbers), 1);
  const { sqnr } = distance.result();
  return Number.isFinite(sqnr) ? sqnr : null;
}
