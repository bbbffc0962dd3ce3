/** Records of quantized networks, made by hand. */
import type { LadderRecord, LayerRecord, QuantizationRecord, SensitivityRecord } from '../../lib/report/quantizationRecord.js';

/** What HTML has to escape. */
export const odd = 'a <b> & "c"';
const flat = { low: 0, high: 10, counts: [1, 1, 1, 1] };

export const layer = (name: string, sqnr: number | null, given: Partial<LayerRecord> = {}): LayerRecord => ({
  name,
  op: 'conv2d',
  shape: [8, 8, 2],
  parameters: 100,
  floatBytes: 400,
  bytes: 100,
  weight: {
    bits: 8,
    sqnr: 40,
    histogram: { low: -1, high: 1, counts: [1, 2, 1] },
    channels: { now: [1, 0.5] },
    scaled: false,
    scales: [1 / 127, 0.5 / 127],
  },
  sqnr,
  activation: { name: `${name}.relu`, range: { min: 0, max: 10 }, clipped: 0, histogram: flat },
  milliseconds: 0.25,
  ...given,
});

export const one = layer('one', 41.04);

export const sample: QuantizationRecord = {
  versions: { lowbit: '1.2.3', node: 'v20' },
  processor: 'a processor',
  threads: 2,
  model: { name: odd, bytes: 2000, sha256: 'aa' },
  quantized: { bytes: 500, sha256: 'bb' },
  options: { observer: 'mse', exclude: [], adaround: { rate: 0.01 } },
  calibration: { data: odd, samples: 500 },
  accuracy: { data: 'd', float: { top1: 0.572, top5: 0.8, samples: 400 }, quantized: { top1: 0.56, top5: 0.79, samples: 400 } },
  outputs: [{ name: 'logits', sqnr: 14.06 }],
  samples: 64,
  layers: [
    one,
    layer(odd, 30, { inputSqnr: 41.04, activation: { ...one.activation!, range: { min: 0, max: 5 }, clipped: 0.25 } }),
    layer('narrow', 20, {
      inputSqnr: 30,
      weight: { ...one.weight, scaled: true, scales: [0.01], channels: { now: [1, 0.01], before: [2, 0.01] } },
    }),
    layer('coarse', 12, { inputSqnr: 20, weight: { ...one.weight, sqnr: 11.5, bits: 4 } }),
    layer('real', null, { inputSqnr: null, activation: undefined, milliseconds: undefined }),
  ],
  scaled: true,
  float: [{ name: odd, op: 'gemm', reason: 'excluded <by> name' }],
};

export const ladder: LadderRecord = {
  target: { maxDrop: 0.5 },
  met: false,
  float: { top1: 0.572, bytes: 2000 },
  judged: { data: odd, samples: 400, heldOut: true },
  rungs: [
    { name: 'calibrate', detail: 'observer <mse>', outcome: 'kept', result: { top1: 0.2, sqnr: 3, bytes: 500 }, seconds: 2 },
    { name: 'absorb biases', detail: 'no ReLU is unclipped', outcome: 'nothing', seconds: 0.1 },
    { name: 'AdaRound', detail: '4 layers', outcome: 'dropped', result: { top1: 0.1, sqnr: 2.5, bytes: 500 }, seconds: 150 },
    { name: 'leave layers float', detail: odd, outcome: 'kept', result: { top1: 0.562, sqnr: 11, bytes: 600 }, seconds: 20 },
  ],
  leftFloat: [odd],
};

export const sensitive = (name: string, sqnr: number | null, top1?: number): SensitivityRecord => ({
  ...{ name, op: 'conv2d', parameters: 100, bits: 8, sqnr, cosine: 0.99 },
  ...(top1 !== undefined && { top1 }),
});
