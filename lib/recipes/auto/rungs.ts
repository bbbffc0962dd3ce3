/** The rungs of the ladder that `autoQuantize` climbs, the cheapest first. */
import type { ObserverName } from '../../quant/observers/index.js';
import { bitsGiven } from '../bitsByName.js';
import type { Quantized } from '../quantize.js';
import type { QuantizeOptions } from '../quantizeOptions.js';

export interface Rung {
  name: string;
  /**
   * What it adds to the options that were the best so far.
   * @param base what the caller asked for, which no rung changes
   * @returns nothing where that says it already, or does not go with it
   */
  adds(base: QuantizeOptions): QuantizeOptions | undefined;
  /** It makes another network of the float one, which has to be as good as asked itself. */
  changesFloat?: boolean;
  /** What came of it; nothing where there was nothing to do. */
  did(quantized: Quantized): string | undefined;
}

/** Learning the rounding of 8-bit weights has little to win, and a few updates win it. */
const iterationsOf8Bits = 500;

const ranges = (observer: ObserverName): Rung => ({
  name: `ranges by ${observer}`,
  adds: (base) => (base.observer === undefined ? { observer } : undefined),
  did: (quantized) => `${Object.keys(quantized.ranges).length} ranges`,
});

/** Is a rounding left to choose that goes with the options? */
const learnsRounding = ({ rounding, weightGroup, weightBits = 8 }: QuantizeOptions) =>
  rounding === undefined && weightGroup === undefined && !bitsGiven(weightBits).includes(1);

const rounded: Rung['did'] = ({ rounding }) => (rounding.length ? `${counted(rounding.length, 'layer')} rounded` : undefined);

export const rungs: readonly Rung[] = [
  {
    name: 'calibrate',
    adds: () => ({}),
    did: ({ layers, float }) => `${counted(layers.length, 'layer')} on integers${float.length ? `, ${float.length} on real numbers` : ''}`,
  },
  ranges('minmax'),
  ranges('entropy'),
  {
    name: 'equalize',
    adds: ({ equalize }) => (equalize === undefined ? { equalize: true } : undefined),
    did: ({ equalized }) =>
      equalized?.layers.length ? `${counted(equalized.layers.length, 'layer')} in ${equalized.sweeps} sweeps` : undefined,
  },
  {
    name: 'replace ReLU6',
    changesFloat: true,
    adds: ({ equalize, replaceRelu6 }) =>
      equalize !== false && replaceRelu6 === undefined ? { equalize: true, replaceRelu6: true } : undefined,
    did: ({ replacedRelu6 }) => (replacedRelu6?.length ? `${counted(replacedRelu6.length, 'clip')} made relu` : undefined),
  },
  {
    name: 'absorb biases',
    changesFloat: true,
    adds: ({ absorbBias }) => (absorbBias === undefined ? { absorbBias: true } : undefined),
    did: ({ absorbed }) => (absorbed?.layers.length ? `of ${counted(absorbed.layers.length, 'layer')}` : undefined),
  },
  {
    name: 'smooth',
    adds: ({ smooth }) => (smooth === undefined ? { smooth: true } : undefined),
    did: ({ smoothed }) => (smoothed?.length ? counted(smoothed.length, 'value') : undefined),
  },
  {
    name: 'correct biases',
    adds: ({ correctBias }) => (correctBias === undefined ? { correctBias: 'empirical' } : undefined),
    did: ({ corrected }) => (corrected?.layers.length ? `of ${counted(corrected.layers.length, 'layer')}` : undefined),
  },
  {
    name: 'least squares',
    adds: (base) => (learnsRounding(base) ? { rounding: 'leastSquares', leastSquares: {} } : undefined),
    did: rounded,
  },
  {
    name: 'AdaRound',
    adds: (base) => {
      const { weightBits = 8, adaround } = base;
      const iterations = weightBits === 8 && { iterations: iterationsOf8Bits };
      return learnsRounding(base) ? { rounding: 'adaround', adaround: { ...iterations, ...adaround }, leastSquares: undefined } : undefined;
    },
    did: rounded,
  },
];

/** "1 layer", "3 layers". */
export const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
