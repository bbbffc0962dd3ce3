/** Options of the command line that say how a model is quantized. */
import { type Command, Option } from 'commander';
import { type ObserverName, observerNames } from '../quant/observers/index.js';
import { type ScaleKind, scaleKinds } from '../quant/scheme.js';
import { type WeightBits, type WeightGroup, type WeightRange, weightRanges } from '../quant/weightScheme.js';
import { type ActivationBits, activationKinds } from '../recipes/activationCodes.js';
import { type CorrectionMethod, correctionMethods } from '../recipes/corrected.js';
import type { QuantizeOptions } from '../recipes/quantizeOptions.js';
import { type WeightOptions, weightRoundings } from '../recipes/weightRounding.js';
import { number, wholeFrom } from './options.js';

export interface SchemeOptions {
  observer?: ObserverName;
  activations?: (typeof activationKinds)[number];
  activationBits?: Record<string, ActivationBits>;
  symmetric?: boolean;
  perTensor?: boolean;
  percentile?: number;
  exclude?: string[];
  equalize?: boolean;
  replaceRelu6?: boolean;
  absorbBias?: boolean;
  smooth?: true | number;
  correctBias?: CorrectionMethod;
  weightBits?: Record<string, WeightBits>;
  weightGroup?: WeightGroup;
  weightRange?: WeightRange;
  scales?: ScaleKind;
  rounding?: WeightOptions['rounding'];
  roundingIterations?: number;
  roundingFolder?: string;
}

export function addSchemeOptions(target: Command): Command {
  return target
    .addOption(new Option('--observer <name>', 'how ranges are chosen (default: mse)').choices(observerNames))
    .addOption(new Option('--activations <type>', 'codes of activations (default: uint8)').choices(activationKinds))
    .option('--activation-bits <n...>', 'bits of what layers read, 8 or 16; also of some layers (8 /head/=16)', bitsOf)
    .option('--symmetric', 'activations have their zero point in the middle')
    .option('--per-tensor', 'one scale for each weight instead of one a channel')
    .option('--percentile <p>', 'per cent of the numbers that percentile (default: 99.99) and hist (99.999) keep', number)
    .option('--exclude <names...>', 'layers that stay float: names, or patterns /like this/')
    .option('--equalize', 'scale channels so that the weights of layers have like ranges')
    .option('--replace-relu6', 'make relu of ReLU6 where --equalize could then go further')
    .option('--absorb-bias', 'move high biases through ReLUs into the next layer')
    .option('--smooth [alpha]', 'move outlying channels of activations into weights by this share, or the best (transformers)', number)
    .addOption(new Option('--correct-bias <method>', 'take out of biases what rounding adds to outputs').choices(correctionMethods))
    .option('--weight-bits <n...>', 'bits of weights, 1, 2, 3, 4 or 8; also of some layers (4 conv1=8 /head/=8)', bitsOf)
    .option('--weight-group <n>', 'inputs of a linear layer that share a scale, 32, 64 or 128 (with --activations float)', number)
    .addOption(new Option('--weight-range <name>', 'what their codes reach (default: max, below 8 bits mse)').choices(weightRanges))
    .addOption(new Option('--scales <kind>', 'any scales, or powers of two (default: float)').choices(scaleKinds))
    .addOption(new Option('--rounding <name>', 'how weights are rounded (default: nearest)').choices(weightRoundings))
    .option('--rounding-iterations <n>', 'adaround: updates of each layer (default: 2000)', wholeFrom(1))
    .option('--rounding-folder <folder>', 'adaround, leastSquares: finished layers are kept here; a run that was stopped goes on');
}

/** What the options say, for `quantize`. */
export function schemeOf(options: SchemeOptions): QuantizeOptions {
  const { observer, activations, activationBits, symmetric, perTensor, percentile, exclude } = options;
  const { equalize, replaceRelu6, absorbBias, smooth, correctBias } = options;
  const { weightBits, weightGroup, weightRange, scales, rounding, roundingIterations, roundingFolder } = options;
  const chosen = said({ iterations: roundingIterations, folder: roundingFolder });
  return said({
    ...{ observer, activations, activationBits, symmetric, perTensor, percentile, exclude },
    ...{ equalize, replaceRelu6, absorbBias, smooth, correctBias },
    ...{ weightBits, weightGroup, weightRange, scales, rounding },
    ...(Object.keys(chosen).length > 0 && { [rounding === 'leastSquares' ? rounding : 'adaround']: chosen }),
  });
}

/** Without what was not said. */
const said = <T extends object>(options: T): Partial<T> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;

/** "4" for all layers, "conv1=8" for one; what comes later counts. */
function bitsOf(word: string, before: Record<string, number> = {}): Record<string, number> {
  const [, name = '/./', bits] = /^(?:(.*)=)?([^=]*)$/.exec(word)!;
  return { ...before, [name]: number(bits) };
}
