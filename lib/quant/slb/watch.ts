/** What a search has come to: how sure it is of its weights, what it chooses, what it has changed its mind about. */
import { noGrad } from '../../autograd.js';
import { reduceMean } from '../../ops/reduce.js';
import { slbConfidence, slbSelect } from '../../ops/slb.js';
import { keep, scope, type Tensor } from '../../tensor.js';
import type { SearchedWeight } from '../../train/searchedWeight.js';

/** A searched layer at the end of an epoch. */
export interface LayerState {
  /** Of the logits. */
  name: string;
  /** The mean over the weights of their largest probability. */
  confidence: number;
  /** The share of the weights whose choice is another one than an epoch ago; 0 in the first. */
  flipRate: number;
  /** How many weights chose each value, by code. */
  histogram: number[];
}

/** Means over the weights of all layers. */
export function overall(layers: readonly LayerState[]): { confidence: number; flipRate: number } {
  const sizes = layers.map(({ histogram }) => histogram.reduce((sum, count) => sum + count, 0));
  const total = sizes.reduce((sum, size) => sum + size, 0) || 1;
  const mean = (numberOf: (layer: LayerState) => number) => layers.reduce((sum, layer, i) => sum + numberOf(layer) * sizes[i], 0) / total;
  return { confidence: mean(({ confidence }) => confidence), flipRate: mean(({ flipRate }) => flipRate) };
}

/** Remembers what was chosen, to count what changes. */
export class Watch {
  readonly #codes = new Map<string, Tensor>();

  look(search: SearchedWeight): LayerState {
    const { name, shape, logits, values, temperature } = search;
    const choices = values.size;
    const codes = noGrad(() => slbSelect(logits, { shape }));
    const chosen = codes.data() as Uint8Array;
    const histogram = new Array<number>(choices).fill(0);
    for (const code of chosen) histogram[code]++;
    const before = this.#codes.get(name)?.data() as Uint8Array | undefined;
    const flips = before ? chosen.reduce((sum, code, i) => sum + Number(code !== before[i]), 0) : 0;
    this.#codes.get(name)?.dispose();
    this.#codes.set(name, keep(codes));
    const axes = shape.map((_, axis) => axis);
    const confidence = scope(() =>
      noGrad(() => reduceMean(slbConfidence(logits, values, { shape, temperature }), { axes }).toNumbers()[0]),
    );
    return { name, confidence, flipRate: chosen.length ? flips / chosen.length : 0, histogram };
  }

  get codes(): ReadonlyMap<string, Tensor> {
    return this.#codes;
  }

  restore(codes: ReadonlyMap<string, Tensor>): void {
    this.free();
    for (const [name, tensor] of codes) this.#codes.set(name, keep(tensor.copy()));
  }

  free(): void {
    for (const tensor of this.#codes.values()) tensor.dispose();
    this.#codes.clear();
  }
}
