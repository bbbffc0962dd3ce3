/** `lowbit quantize MODEL --report PAGE.html`: the page on the model that was just written. */
import { samplesFor } from '../recipes/auto/samples.js';
import { accuracies, recordedOptions, writeQuantizationReport } from '../recipes/writeQuantizationReport.js';
import type { Job } from './command.js';
import { evaluationOf } from './judged.js';
import { datasetOf } from './options.js';
import type { Made, Options } from './quantize.js';
import { schemeOf } from './quantizeScheme.js';

/**
 * Compares both models on samples that calibration left out, or on those of `--evaluation`, and writes the page.
 * @returns the file of its numbers
 */
export async function reportQuantized(
  job: Job<Options>,
  model: string,
  { quantized, options, samples, ladder, sensitivity }: Made,
): Promise<string> {
  const { data, output, report, evaluation, evaluationSamples, batch } = job.options;
  const { signal, progress } = job;
  const dataset = await datasetOf(data, job.options);
  const { judged } = samplesFor(dataset, {
    ...{ calibration: samples, samples: evaluationSamples },
    evaluation: await evaluationOf(job.options),
  });
  const { update } = progress('evaluating');
  const accuracy = await accuracies(model, output, { dataset: judged, data: evaluation ?? data }, { batch, onProgress: update, signal });
  const { json } = await writeQuantizationReport(model, output, report!, {
    dataset: judged,
    options: recordedOptions(options ?? schemeOf(job.options)),
    calibration: { data, samples },
    ...(accuracy && { accuracy }),
    ...(ladder && { ladder }),
    ...(sensitivity && { sensitivity }),
    float: quantized.float,
    onProgress: progress('comparing').update,
    signal,
  });
  return json;
}
