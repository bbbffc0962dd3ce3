/** From a network that was searched to one that runs on packed codes. */
import { noGrad } from '../../autograd.js';
import { fail } from '../../error.js';
import type { Graph, Node, Value } from '../../graph/graph.js';
import { codesOf } from '../../graph/match.js';
import { Rewriter } from '../../graph/rewrite.js';
import * as ops from '../../ops/index.js';
import { levelsOf } from '../../ops/lowbit.js';
import { insertQdq } from '../../passes/insertQdq.js';
import { prepareToQuantize } from '../../passes/prepareToQuantize.js';
import { Tensor } from '../../tensor.js';
import { quantizationPlan } from '../plan.js';
import { type QParams, rangeCodes } from '../scheme.js';
import { largestLevel } from './grid.js';
import type { SlbSettings } from './options.js';

/** A layer on packed codes. */
export interface ConvertedLayer {
  name: string;
  op: string;
  bits: number;
  weights: number;
  /** Of the packed codes: 8·⌈weights of a channel·bits / 64⌉ a channel. */
  bytes: number;
  /** Of float weights. */
  floatBytes: number;
}

export interface Converted {
  /**
   * Weights are packed codes behind `unpackLevels` and `dequantize`, with the normalization behind a layer in its scales; activations have
   * quantize and dequantize where the search had codes for them, and layers that were not searched int8 weights then. `lowerInteger`
   * makes it run on packed kernels, `exportOnnx` writes it.
   */
  graph: Graph;
  layers: ConvertedLayer[];
  /** Layers whose weights stay float, and why. */
  float: { name: string; op: string; reason: string }[];
}

/**
 * @param graph in which weights are searched, with the running statistics and ranges that it is to have
 * @throws LowbitError 'graph' where nothing is searched or a range has seen no data
 */
export function convertSearch(graph: Graph, settings: SlbSettings): Converted {
  const to = new Converter(graph, settings);
  const decided = to.apply((node) => to.visit(node));
  if (!to.layers.length)
    fail({ code: 'graph', problem: `in ${graph.name} no weights are searched`, todo: 'Convert what apply has returned.' });
  const prepared = prepareToQuantize(decided);
  const coded = to.ranges.size ? withCodes(prepared, to.ranges) : prepared;
  const packed = new Set(to.layers.map(({ name }) => name));
  const others = coded.nodes.filter(({ op, name }) => op.quantizes && !packed.has(name));
  return {
    graph: coded,
    layers: to.layers,
    float: others.flatMap((node) =>
      codesOf(coded, node.inputs[1]) ? [] : [{ name: node.name, op: node.op.name, reason: 'not searched' }],
    ),
  };
}

class Converter extends Rewriter {
  readonly layers: ConvertedLayer[] = [];
  /** Codes of values, by the name that the value has. */
  readonly ranges = new Map<string, QParams>();
  readonly #weights = new Map<Value, Value>();

  constructor(
    old: Graph,
    readonly settings: SlbSettings,
  ) {
    super(old);
  }

  visit(node: Node): Value {
    if (node.op === ops.fakeQuantizeRange) return this.range(node);
    const weight = node.op.quantizes && searchedBy(this.old, node.inputs[1]);
    if (!weight) return this.copy(node);
    const [x, w, ...rest] = node.inputs;
    return this.copy(node, [this.get(x), this.packed(node, w, weight), ...rest.map((value) => this.get(value))]);
  }

  /** Codes of fewer than 8 bits are those of 8 behind a clamp. */
  private range({ inputs: [x, range], params, name, output }: Node): Value {
    const { qmax, delay } = { ...ops.fakeQuantizeRange.params, ...params } as { qmax: number; delay: number };
    const [min, max, seen] = this.old.constantOf(range)!.toNumbers();
    if (seen < Math.max(delay, 1)) {
      const problem = `the range of "${x.name}" has seen ${seen} batches, it is used from ${Math.max(delay, 1)} on`;
      fail({ code: 'graph', problem, todo: 'Train longer, or set a smaller activation.delay.' });
    }
    const codes = rangeCodes({ min, max }, qmax);
    if (qmax === 255) {
      this.ranges.set(x.name, codes);
      return this.get(x);
    }
    this.ranges.set(output.name, codes);
    const { scale, zeroPoint } = codes;
    return this.graph.add(
      ops.clip,
      [this.get(x)],
      { min: Math.fround(-zeroPoint * scale), max: Math.fround((qmax - zeroPoint) * scale) },
      name,
    );
  }

  private packed(node: Node, w: Value, { search, alpha }: SearchedBy): Value {
    const known = this.#weights.get(w);
    if (known) return known;
    const { old, graph } = this;
    const { weightBits: bits, grid } = this.settings;
    const shape = search.params.shape as readonly number[];
    const channels = shape[0];
    const levels = levelsOf(bits, grid);
    const codes = noGrad(() => ops.slbSelect(old.constantOf(search.inputs[0])!, { shape }));
    const chosen = Int8Array.from(codes.data() as Uint8Array, (code) => levels[code]);
    codes.dispose();
    // The largest value stands for the largest level, and carries the unit of the scale.
    const unit = Math.max(...old.constantOf(search.inputs[1])!.toNumbers()) / largestLevel(bits, grid);
    const scales = (alpha ? old.constantOf(alpha)!.toNumbers() : [1]).map((scale) => scale * unit);
    // A learned scale may have become negative, or 0.
    const row = chosen.length / channels;
    const scaleOf = (o: number) => scales[scales.length === 1 ? 0 : o];
    const signed = chosen.map((level, i) => (scaleOf(Math.floor(i / row)) < 0 ? -level : level));
    const positive = Float32Array.from({ length: channels }, (_, o) => Math.abs(scaleOf(o)) || 2 ** -100);
    const packed = noGrad(() => ops.packLevels(Tensor.from(signed, shape), { bits, grid }));
    this.layers.push({
      name: node.name,
      op: node.op.name,
      bits,
      weights: chosen.length,
      bytes: packed.bytes,
      floatBytes: 4 * chosen.length,
    });
    const unpacked = graph.add(ops.unpackLevels, [graph.constant(packed, `${w.name}.packed`)], { bits, grid, shape }, `${w.name}.levels`);
    const scale = graph.constant(Tensor.from(positive), `${w.name}.scale`);
    const zeros = graph.constant(Tensor.from(new Int8Array(channels)), `${w.name}.zeroPoint`);
    const value = graph.add(ops.dequantize, [unpacked, scale, zeros], { axis: 0 }, w.name);
    this.#weights.set(w, value);
    return value;
  }
}

interface SearchedBy {
  search: Node;
  alpha?: Value;
}

/** The search behind a weight: alone, or times its scale. */
function searchedBy(graph: Graph, { producer }: Value): SearchedBy | undefined {
  if (producer?.op === ops.slbExpectation) return { search: producer };
  const [search, alpha] = producer?.op === ops.mul ? producer.inputs : [];
  return search?.producer?.op === ops.slbExpectation && graph.constants.has(alpha!) ? { search: search.producer, alpha } : undefined;
}

/** Codes on activations, and on the weights of the layers that have none. */
function withCodes(graph: Graph, ranges: ReadonlyMap<string, QParams>): Graph {
  const plan = quantizationPlan(graph);
  const qparams = new Map(
    plan.values.map((value) => {
      const source = plan.shared.get(value) ?? value;
      const codes = ranges.get(source.name);
      return [value.name, codes ?? fail({ code: 'graph', problem: `"${source.name}" has no range, but is read as codes` })] as const;
    }),
  );
  return insertQdq(graph, qparams, new Set(plan.nodes.flatMap(({ op, name }) => (op.quantizes ? [name] : []))));
}
