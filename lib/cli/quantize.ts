/** `lowbit quantize MODEL --data SPEC -o OUT.onnx` */
import { statSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { failOnFile } from '../file.js';
import { exportOnnx } from '../onnx/exportOnnx.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { type WeightStorage, weightStorages } from '../onnx/weights.js';
import { type ObserverName, observerNames } from '../quant/observers/index.js';
import { type CodeType, type ScaleKind, scaleKinds } from '../quant/scheme.js';
import { type WeightBits, type WeightRange, weightRanges } from '../quant/weightScheme.js';
import { weightStorageOf } from '../recipes/codedWeights.js';
import { type CorrectionMethod, correctionMethods } from '../recipes/corrected.js';
import { calibrationBatches } from '../recipes/prepare.js';
import { type Quantized, type QuantizedLayer, quantize } from '../recipes/quantize.js';
import type { QuantizeStep } from '../recipes/quantizeOptions.js';
import { type WeightOptions, weightRoundings } from '../recipes/weightRounding.js';
import { type FittedModel, fitFile } from '../targets/fitModel.js';
import type { TargetName } from '../targets/targets.js';
import { command, requires, runs } from './command.js';
import { bytes, facts } from './format.js';
import { floatTable } from './inspect.js';
import { addDataOptions, type DataOptions, datasetOf, number, targetOption, wholeFrom } from './options.js';
import { checkOutput } from './output.js';
import { findingLines, fixLines } from './targetText.js';

interface Options extends DataOptions {
  data: string;
  output: string;
  calibration: number;
  observer?: ObserverName;
  activations?: CodeType;
  symmetric?: boolean;
  perTensor?: boolean;
  percentile?: number;
  exclude?: string[];
  equalize?: boolean;
  replaceRelu6?: boolean;
  absorbBias?: boolean;
  correctBias?: CorrectionMethod;
  opset?: number;
  weights?: WeightStorage;
  weightBits?: Bits;
  weightRange?: WeightRange;
  scales?: ScaleKind;
  rounding?: WeightOptions['rounding'];
  roundingIterations?: number;
  roundingFolder?: string;
  target?: TargetName;
}

/** What --json prints. */
interface Outcome {
  output: string;
  bytesBefore: number;
  bytesAfter: number;
  /** How many layers became integer, and which. */
  quantizedLayers: number;
  layers: QuantizedLayer[];
  floatLayers: { name: string; op: string; reason: string }[];
  calibrationSamples: number;
  /** What AdaRound made of each layer. */
  rounding: Quantized['rounding'];
  /** What was done about the loss, where it was asked for. */
  steps: Steps;
  /** What was done for the target, and what it still has against the model. */
  target?: Omit<FittedModel, 'model'>;
}

/** What the steps around calibration did, in short. */
interface Steps {
  /** Clips that became relu. */
  replacedRelu6?: number;
  equalized?: { sweeps: number; layers: number };
  absorbed?: { layers: number; skipped: number; largest: number };
  corrected?: { method: CorrectionMethod; layers: number; largest: number; layer: string };
}

export function addQuantize(program: Command): void {
  const target = addDataOptions(command(program, 'quantize <model>', 'write an int8 model, its ranges calibrated on samples'), {
    needed: true,
  })
    .option('-o, --output <file>', 'the int8 model')
    .option('--calibration <n>', 'calibrate on n samples, evenly spread over the data', wholeFrom(1), 500)
    .addOption(new Option('--observer <name>', 'how ranges are chosen (default: mse)').choices(observerNames))
    .addOption(new Option('--activations <type>', 'codes of activations (default: uint8)').choices(['uint8', 'int8']))
    .option('--symmetric', 'activations have their zero point in the middle')
    .option('--per-tensor', 'one scale for each weight instead of one a channel')
    .option('--percentile <p>', 'per cent of the numbers that percentile (default: 99.99) and hist (99.999) keep', number)
    .option('--exclude <names...>', 'layers that stay float: names, or patterns /like this/')
    .option('--equalize', 'scale channels so that the weights of layers have like ranges')
    .option('--replace-relu6', 'make relu of ReLU6 where --equalize could then go further')
    .option('--absorb-bias', 'move high biases through ReLUs into the next layer')
    .addOption(new Option('--correct-bias <method>', 'take out of biases what rounding adds to outputs').choices(correctionMethods))
    .option('--weight-bits <n...>', 'bits of weights, 2, 3, 4 or 8; also of some layers (4 conv1=8 /head/=8)', bitsOf)
    .addOption(new Option('--weight-range <name>', 'what their codes reach (default: max, below 8 bits mse)').choices(weightRanges))
    .addOption(new Option('--scales <kind>', 'any scales, or powers of two (default: float)').choices(scaleKinds))
    .addOption(new Option('--rounding <name>', 'how weights are rounded (default: nearest)').choices(weightRoundings))
    .option('--rounding-iterations <n>', 'adaround: updates of each layer (default: 2000)', wholeFrom(1))
    .option('--rounding-folder <folder>', 'adaround: finished layers are kept here; a run that was stopped goes on')
    .addOption(new Option('--weights <type>', 'how weights are written (default: as few bits as they have)').choices(weightStorages))
    .option('--opset <n>', 'ONNX operator set of the output (default: 17, for int4 weights 21)', wholeFrom(1))
    .addOption(targetOption('write it so that this runtime computes it exactly, and say what it will not like'));
  requires(target, 'output');
  runs<Options>(target, async ({ options, signal, progress }, model) => {
    const { output, calibration, observer, activations, symmetric, perTensor, percentile, exclude, opset, weights } = options;
    const { equalize, replaceRelu6, absorbBias, correctBias } = options;
    const bytesBefore = sizeOf(model);
    checkOutput('quantize', model, output);
    const graph = importOnnx(model);
    const dataset = await datasetOf(options.data, options);
    const count = Math.min(calibration, dataset.length);
    const batches = calibrationBatches(graph, dataset, count, options.batch ?? 32, signal);
    const lines = new Map<QuantizeStep, ReturnType<typeof progress>>();
    const onProgress = (done: number, step: QuantizeStep, of = count) => {
      if (!lines.has(step)) lines.set(step, progress(step));
      lines.get(step)!.update(Math.min(done, of), of);
    };
    const rounding = progress('rounding');
    const onRounding: WeightOptions['onRounding'] = ({ layer, layers, name, iteration, iterations }) =>
      rounding.show(`rounding  layer ${layer}/${layers}  ${Math.round((100 * iteration) / iterations)} %  ${name}`);
    const settings = { observer, activations, symmetric, perTensor, percentile, exclude, equalize, replaceRelu6, absorbBias, correctBias };
    const quantized = await quantize(graph, batches, { ...settings, ...weightOptionsOf(options), onProgress, onRounding, signal });
    const { layers, float } = quantized;
    const storage = weights ?? (options.target ? 'int8' : weightStorageOf(quantized.graph));
    exportOnnx(quantized.graph, output, { opset, weights: storage });
    const fitted = options.target && fitFile(output, options.target);
    const sizes = { bytesBefore, bytesAfter: sizeOf(output) };
    const data = {
      output,
      ...sizes,
      quantizedLayers: layers.length,
      layers,
      floatLayers: float,
      calibrationSamples: count,
      rounding: quantized.rounding,
      steps: stepsOf(quantized),
      ...(fitted && { target: fitted }),
    };
    return { data, text: text(data) };
  });
}

function weightOptionsOf({ weightBits, weightRange, scales, rounding, roundingIterations, roundingFolder }: Options): WeightOptions {
  const adaround = { iterations: roundingIterations, folder: roundingFolder };
  const isSaid = Object.values(adaround).some((value) => value !== undefined);
  return { weightBits, weightRange, scales, rounding, ...(isSaid && { adaround }) };
}

type Bits = Record<string, WeightBits>;

/** "4" for all layers, "conv1=8" for one; what comes later counts. */
function bitsOf(word: string, before: Bits = {}): Bits {
  const [, name = '/./', bits] = /^(?:(.*)=)?([^=]*)$/.exec(word)!;
  return { ...before, [name]: number(bits) as WeightBits };
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? failOnFile(path, { code: 'ENOENT' });

function stepsOf({ replacedRelu6, equalized, absorbed, corrected }: Quantized): Steps {
  const most = <T extends { largest: number }>(layers: readonly T[]) => layers.reduce((a, b) => (b.largest > a.largest ? b : a), layers[0]);
  return {
    ...(replacedRelu6 && { replacedRelu6: replacedRelu6.length }),
    ...(equalized && { equalized: { sweeps: equalized.sweeps, layers: equalized.layers.length } }),
    ...(absorbed && {
      absorbed: { layers: absorbed.layers.length, skipped: absorbed.skipped.length, largest: most(absorbed.layers)?.largest ?? 0 },
    }),
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
function stepFacts({ replacedRelu6, equalized, absorbed, corrected }: Steps): [string, string][] {
  const lines: [string, string | undefined][] = [
    ['relu6', replacedRelu6 === undefined ? undefined : `${replacedRelu6} made relu`],
    ['equalized', equalized && `${equalized.layers} layers in ${equalized.sweeps} sweeps`],
    ['absorbed', absorbed && `biases of ${absorbed.layers} layers, at most ${absorbed.largest.toPrecision(3)}`],
    ['corrected', corrected && `biases of ${corrected.layers} layers, most by ${corrected.largest.toPrecision(3)} in ${corrected.layer}`],
  ];
  return lines.filter((line): line is [string, string] => line[1] !== undefined);
}

function text({ output, bytesBefore, bytesAfter, layers, floatLayers, calibrationSamples, steps, target }: Outcome): string {
  const general = facts([
    ['wrote', output],
    ['size', `${bytes(bytesBefore)} -> ${bytes(bytesAfter)}, ${(bytesBefore / bytesAfter).toFixed(2)} times smaller`],
    ['layers', `${layers.length} on integers, ${floatLayers.length} on real numbers`],
    ['calibrated on', `${calibrationSamples} samples`],
    ...stepFacts(steps),
  ]);
  const parts = [
    general,
    floatLayers.length > 0 ? floatTable(floatLayers) : '',
    fixLines(target?.fixes ?? []),
    findingLines(target?.findings ?? []),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}
