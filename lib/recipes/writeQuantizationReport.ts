/** The page on a quantized model, written beside it. */
import type { Dataset } from '../data/dataset.js';
import { writeTogether } from '../file.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { adaroundSettings } from '../quant/adaround/options.js';
import type { QuantizationRecord } from '../report/quantizationRecord.js';
import { quantizationReport } from '../report/quantizationReport.js';
import { Judge, type JudgeOptions, type Score } from './judge.js';
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
 * Accuracy of both models on the same samples.
 * @param data what the samples are, for the page
 * @param options those of the judge
 * @returns nothing where the samples have no labels or the first output is not a row of scores
 * @throws LowbitError as `Judge` does
 */
export async function accuracies(
  float: string,
  quantized: string,
  { dataset, data }: { dataset: Dataset; data: string },
  options: JudgeOptions = {},
): Promise<QuantizationRecord['accuracy']> {
  if (!dataset.hasLabels) return undefined;
  const judge = await Judge.of(importOnnx(float), dataset, options);
  if (!judge.countsAnswers) return undefined;
  const shares = ({ top1, top5 }: Score) => ({ top1: top1!, top5: top5!, samples: dataset.length });
  return { data, float: shares(judge.float), quantized: shares(await judge.score(importOnnx(quantized))) };
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
    ...(options.weightGroup && { weightGroup: options.weightGroup }),
    ...(rounding === 'adaround' && { adaround: adaroundSettings(adaround) }),
  };
}
