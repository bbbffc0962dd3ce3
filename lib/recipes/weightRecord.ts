/** What became of a layer's weight: its codes beside the numbers of the float file. */
import type { Graph } from '../graph/graph.js';
import { groupedOf } from '../graph/match.js';
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
  const grouped = groupedOf(graph, value);
  const { inputs, params } = grouped?.dequantize ?? value.producer!;
  const constants = inputs.map((of) => graph.constantOf(of)!);
  const numbers = scope(() => runOp(dequantize, constants, params).toNumbers());
  const scales = constants[1].toNumbers();
  const [channels = 1] = grouped?.shape ?? constants[0].shape;
  const twin = float.nodes.find(({ name, op }) => name === node.name && op === node.op);
  const real = twin && float.constantOf(twin.inputs[1])?.toNumbers();
  const twins = real?.length === numbers.length ? real : undefined;
  const scaled = twins !== undefined && isScaled(twins, numbers, scales);
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
 * Rounding, up or down, moves a weight by less than a step; only at the ends of the codes of a scale it may have come from further out. Where more than
 * a hundredth came from further off, a pass was there.
 */
function isScaled(real: readonly number[], numbers: readonly number[], scales: readonly number[]): boolean {
  const row = numbers.length / scales.length;
  const far = scales.map((scale, r) => {
    const codes = numbers.slice(r * row, (r + 1) * row);
    const [least, most] = codes.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [0, 0]);
    return codes.filter((x, i) => {
      const away = real[r * row + i] - x;
      return Math.abs(away) > 1.01 * scale && !(x === most && away > 0) && !(x === least && away < 0);
    }).length;
  });
  return far.reduce((a, b) => a + b, 0) > numbers.length / 100;
}

function histogramOf(numbers: readonly number[]) {
  const histogram = new TensorHistogram();
  histogram.add(numbers);
  return histogram.result();
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
