/** `lowbit quantize MODEL --data SPEC -o OUT.onnx` */
import { statSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { failOnFile } from '../file.js';
import { exportOnnx } from '../onnx/exportOnnx.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { type WeightStorage, weightStorages } from '../onnx/weights.js';
import { packedFor, weightStorageOf } from '../recipes/codedWeights.js';
import { calibrationBatches } from '../recipes/prepare.js';
import { type Quantized, quantize } from '../recipes/quantize.js';
import type { QuantizeOptions, QuantizeStep } from '../recipes/quantizeOptions.js';
import type { WeightOptions } from '../recipes/weightRounding.js';
import type { LadderRecord, SensitivityRecord } from '../report/quantizationRecord.js';
import { fitFile } from '../targets/fitModel.js';
import type { TargetName } from '../targets/targets.js';
import { command, type Job, requires, runs } from './command.js';
import { addDataOptions, type DataOptions, datasetOf, targetOption, wholeFrom } from './options.js';
import { checkOutput } from './output.js';
import { type AutoFlags, addAutoOptions, checkAutoOptions, quantizeAuto } from './quantizeAuto.js';
import { addBitsOptions, type BitsFlags, type BitsOutcome, checkBitsOptions, hasBudget, quantizeToBudget } from './quantizeBits.js';
import { reportQuantized } from './quantizeReport.js';
import { addSchemeOptions, type SchemeOptions, schemeOf } from './quantizeScheme.js';
import { outcomeText, stepsOf } from './quantizeText.js';

export interface Options extends DataOptions, SchemeOptions, AutoFlags, BitsFlags {
  json?: boolean;
  data: string;
  output: string;
  calibration: number;
  opset?: number;
  weights?: WeightStorage;
  target?: TargetName;
  report?: string;
}

export function addQuantize(program: Command): void {
  const target = addDataOptions(command(program, 'quantize <model>', 'write an int8 model, its ranges calibrated on samples'), {
    needed: true,
  })
    .option('-o, --output <file>', 'the int8 model')
    .option('--calibration <n>', 'calibrate on n samples, evenly spread over the data', wholeFrom(1), 500);
  addSchemeOptions(target)
    .addOption(new Option('--weights <type>', 'how weights are written (default: as few bits as they have)').choices(weightStorages))
    .option('--opset <n>', 'ONNX operator set of the output (default: 17, for int4 weights and 16-bit codes 21)', wholeFrom(1))
    .option('--report <file>', 'write a page on what was lost, where and why; numbers go into a .json file of the same name')
    .addOption(targetOption('write it so that this runtime computes it exactly, and say what it will not like'));
  addAutoOptions(target);
  addBitsOptions(target);
  requires(target, 'output');
  runs<Options>(target, async (job, model) => {
    const { options } = job;
    const { output, opset, target: runtime } = options;
    checkAutoOptions(options, hasBudget(options), options.report !== undefined);
    checkBitsOptions(options);
    const bytesBefore = sizeOf(model);
    checkOutput('quantize', model, output);
    if (options.report !== undefined) checkOutput('quantize', model, options.report, 'report');
    const quantizing = options.auto ? quantizeAuto : hasBudget(options) ? quantizeToBudget : quantizePlain;
    const made: Made = await quantizing(job, model);
    const { quantized, samples, ladder, search } = made;
    const storage = options.weights ?? (runtime && 'int8');
    const graph = packedFor(quantized.graph, storage);
    exportOnnx(graph, output, { opset, weights: storage ?? weightStorageOf(graph) });
    const fitted = runtime && fitFile(output, runtime);
    const numbers = options.report === undefined ? undefined : await reportQuantized(job, model, made);
    const { layers, float, rounding } = quantized;
    const data = {
      output,
      ...{ bytesBefore, bytesAfter: sizeOf(output) },
      quantizedLayers: layers.filter(({ name }) => float.every((other) => other.name !== name)).length,
      layers,
      floatLayers: float,
      calibrationSamples: samples,
      rounding,
      steps: stepsOf(quantized),
      ...(ladder && { ladder }),
      ...(search && { search }),
      ...(fitted && { target: fitted }),
      ...(numbers && { report: { page: options.report!, json: numbers } }),
    };
    return { data, text: outcomeText(data) };
  });
}

/** A network, and how it was found where it was searched for. */
export interface Made {
  quantized: Quantized;
  /** How many calibrated it. */
  samples: number;
  /** Those that were found. */
  options?: QuantizeOptions;
  ladder?: LadderRecord;
  sensitivity?: readonly SensitivityRecord[];
  search?: BitsOutcome;
}

async function quantizePlain({ options, signal, progress }: Job<Options>, model: string): Promise<Made> {
  const graph = importOnnx(model);
  const dataset = await datasetOf(options.data, options);
  const samples = Math.min(options.calibration, dataset.length);
  const batches = calibrationBatches(graph, dataset, samples, options.batch ?? 32, signal);
  const lines = new Map<QuantizeStep, ReturnType<typeof progress>>();
  const onProgress = (done: number, step: QuantizeStep, of = samples) => {
    if (!lines.has(step)) lines.set(step, progress(step));
    lines.get(step)!.update(Math.min(done, of), of);
  };
  const rounding = progress('rounding');
  const onRounding: WeightOptions['onRounding'] = ({ layer, layers, name, iteration, iterations }) =>
    rounding.show(`rounding  layer ${layer}/${layers}  ${Math.round((100 * iteration) / iterations)} %  ${name}`);
  return { quantized: await quantize(graph, batches, { ...schemeOf(options), onProgress, onRounding, signal }), samples };
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? failOnFile(path, { code: 'ENOENT' });
