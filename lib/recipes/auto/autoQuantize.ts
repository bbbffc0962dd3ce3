/** Quantization that finds its own options: a ladder of steps, climbed until the network is as good as asked. */
import type { Dataset } from '../../data/dataset.js';
import { checkOptions } from '../../error.js';
import type { Graph } from '../../graph/graph.js';
import { adaroundSettings } from '../../quant/adaround/options.js';
import { Judge } from '../judge.js';
import { quantizeSettings } from '../quantizeOptions.js';
import { Climb } from './climb.js';
import type { AutoOptions, AutoQuantized } from './options.js';
import { samplesFor } from './samples.js';
import { checkTarget } from './target.js';

/**
 * Quantizes with more and more effort until the network is as good as asked: calibrate, other ways to choose ranges, equalize, absorb biases,
 * correct biases, AdaRound, and at last leave the most sensitive layers on real numbers. Each rung adds one step to what was best below it; a
 * step that makes things worse is dropped again. Better is who has more right answers by more than chance, or else less noise.
 *
 * Networks are judged on integer kernels, as they are deployed, by samples that calibration has not seen where there are enough.
 * @param graph a float network of images or rows; the first output's highest number is the answer where the samples have labels
 * @returns the best network, also where the target was not met: see `ladder.met`
 * @throws LowbitError "option", "unknownOption", "data", "graph" as `quantize` where not even the first rung can be climbed, "file", "aborted"
 */
export async function autoQuantize(graph: Graph, dataset: Dataset, options: AutoOptions = {}): Promise<AutoQuantized> {
  checkOptions('autoQuantize', options, optionNames);
  checkTarget(options);
  const { adaround, ...scheme } = options.quantize ?? {};
  quantizeSettings(scheme);
  adaroundSettings(adaround ?? {});
  const samples = samplesFor(dataset, options);
  const judge = await Judge.of(graph, samples.judged, {
    batch: options.batch,
    onProgress: (done, total) => options.onProgress?.('judging', done, total),
    signal: options.signal,
  });
  return new Climb(graph, dataset, judge, samples, options).climb();
}

const optionNames = [
  ...['maxDrop', 'minSqnr', 'quantize', 'calibration', 'evaluation', 'samples', 'batch', 'folder'],
  ...['onStart', 'onRung', 'onProgress', 'signal'],
];
