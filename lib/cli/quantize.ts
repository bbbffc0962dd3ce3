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
import type { QuantizeStep } from '../recipes/quantizeOptions.js';
import type { WeightOptions } from '../recipes/weightRounding.js';
import type { LadderRecord } from '../report/quantizationRecord.js';
import { command, type Job, requires, runs } from './command.js';
import { addDataOptions, type DataOptions, datasetOf, wholeFrom } from './options.js';
import { checkOutput } from './output.js';
import { type AutoFlags, addAutoOptions, checkAutoOptions, quantizeAuto } from './quantizeAuto.js';
import { addBitsOptions, type BitsFlags, type BitsOutcome, checkBitsOptions, hasBudget, quantizeToBudget } from './quantizeBits.js';
import { addSchemeOptions, type SchemeOptions, schemeOf } from './quantizeScheme.js';
import { outcomeText, stepsOf } from './quantizeText.js';

export interface Options extends DataOptions, SchemeOptions, AutoFlags, BitsFlags {
  json?: boolean;
  data: string;
  output: string;
  calibration: number;
  opset?: number;
  weights?: WeightStorage;
}

export function addQuantize(program: Command): void {
  const target = addDataOptions(command(program, 'quantize <model>', 'write an int8 model, its ranges calibrated on samples'), {
    needed: true,
  })
    .option('-o, --output <file>', 'the int8 model')
    .option('--calibration <n>', 'calibrate on n samples, evenly spread over the data', wholeFrom(1), 500);
  addSchemeOptions(target)
    .addOption(new Option('--weights <type>', 'how weights are written (default: as few bits as they have)').choices(weightStorages))
    .option('--opset <n>', 'ONNX operator set of the output (default: 17, for int4 weights and 16-bit codes 21)', wholeFrom(1));
  addAutoOptions(target);
  addBitsOptions(target);
  requires(target, 'output');
  runs<Options>(target, async (job, model) => {
    const { output, opset, weights } = job.options;
    checkAutoOptions(job.options, hasBudget(job.options));
    checkBitsOptions(job.options);
    const bytesBefore = sizeOf(model);
    checkOutput('quantize', model, output);
    const quantizing = job.options.auto ? quantizeAuto : hasBudget(job.options) ? quantizeToBudget : quantizePlain;
    const { quantized, samples, ladder, search }: Made = await quantizing(job, model);
    const graph = packedFor(quantized.graph, weights);
    exportOnnx(graph, output, { opset, weights: weights ?? weightStorageOf(graph) });
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
    };
    return { data, text: outcomeText(data) };
  });
}

/** A network, and how it was found where it was searched for. */
interface Made {
  quantized: Quantized;
  /** How many calibrated it. */
  samples: number;
  ladder?: LadderRecord;
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
