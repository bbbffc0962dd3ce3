/** The page on a quantized model, written beside it. */
import type { Dataset } from '../data/dataset.js';
import { writeTogether } from '../file.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { adaroundSettings } from '../quant/adaround/options.js';
import type { QuantizationRecord } from '../report/quantizationRecord.js';
import { quantizationReport } from '../report/quantizationReport.js';
import { type EvaluateOptions, evaluate } from './evaluate.js';
import { quantizationRecord, type RecordOptions } from './quantizationRecord.js';
import { type QuantizeOptions, quantizeSettings } from './quantizeOptions.js';

export interface WrittenReport {
  record: QuantizationRecord;
  /** The file of its numbers. */
  json: string;
}

/**
 * Measures a quantized model beside the float one (`quantizationRecord`) and writes the page, and its numbers into a .json file of the same
 * name; both or neither.
 * @param page the file, something.html
 * @param options what is known of how the model was made goes in as it is: options (see `recordedOptions`), calibration, accuracy
 *   (see `accuracies`), ladder, sensitivity, and why layers stay float
 * @throws LowbitError as `quantizationRecord` does
 */
export async function writeQuantizationReport(
  float: string,
  quantized: string,
  page: string,
  options: RecordOptions = {},
): Promise<WrittenReport> {
  const record = await quantizationRecord(float, quantized, options);
  const json = page.replace(/(\.html?)?$/i, '.json');
  const files = { [json]: `${JSON.stringify(record, undefined, 1)}\n`, [page]: quantizationReport(record) };
  writeTogether(Object.entries(files).map(([path, content]) => [path, [Buffer.from(content)]]));
  return { record, json };
}

/**
 * Accuracy of both models on the same labelled samples.
 * @param data what the samples are, for the page
 * @param optionsOf those of `evaluate` for each model
 * @throws LowbitError as `evaluate` does
 */
export async function accuracies(
  float: string,
  quantized: string,
  { dataset, data }: { dataset: Dataset; data: string },
  optionsOf: (model: 'float' | 'quantized') => EvaluateOptions = () => ({}),
): Promise<NonNullable<QuantizationRecord['accuracy']>> {
  const of = async (path: string, options: EvaluateOptions) => {
    const { top1, top5, samples } = await evaluate(importOnnx(path), dataset, options);
    return { top1, top5, samples };
  };
  return { data, float: await of(float, optionsOf('float')), quantized: await of(quantized, optionsOf('quantized')) };
}

/**
 * Options of `quantize`, all defaults filled in, as a record holds them.
 * @throws LowbitError "unknownOption", "option"
 */
export function recordedOptions(options: QuantizeOptions): Record<string, unknown> {
  const { weightBits = 8, weightRange = 'max of 8 bits, mse of fewer', scales = 'float', rounding = 'nearest', adaround = {} } = options;
  return {
    ...quantizeSettings(options),
    ...{ weightBits, weightRange, scales, rounding },
    ...(rounding === 'adaround' && { adaround: adaroundSettings(adaround) }),
  };
}
