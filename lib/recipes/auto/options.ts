/** What `autoQuantize` may be told, and what it gives. */
import type { Dataset } from '../../data/dataset.js';
import type { LadderRecord, RungRecord, SensitivityRecord } from '../../report/quantizationRecord.js';
import type { Quantized } from '../quantize.js';
import type { QuantizeOptions } from '../quantizeOptions.js';
import type { TargetOptions } from './target.js';

export interface AutoOptions extends TargetOptions {
  /** What holds on every rung; a step that it settles, one way or the other, is no rung. `adaround` counts where it comes to that. */
  quantize?: QuantizeOptions;
  /** Samples for calibration, spread over the set. Default 500, and no more than half of the set. */
  calibration?: number;
  /** What networks are judged on. Default: samples that calibration left out. */
  evaluation?: Dataset;
  /** How many of them at most. Default 1000. */
  samples?: number;
  /** Samples a run, default 32. */
  batch?: number;
  /** Where finished rungs are kept; a run that was stopped goes on with the next. Default: nowhere. */
  folder?: string;
  /** Called before the first rung, when the float network was judged. */
  onStart?: (start: Pick<LadderRecord, 'target' | 'float' | 'judged'>) => void;
  /** Called when a rung is done. */
  onRung?: (rung: RungRecord) => void;
  /** What is going on, and how far it is. */
  onProgress?: (what: string, done: number, total: number) => void;
  signal?: AbortSignal;
}

export interface AutoQuantized {
  /** The best network that was found. */
  quantized: Quantized;
  /** The options that it was made with. */
  options: QuantizeOptions;
  ladder: LadderRecord;
  /** How many samples it was calibrated on. */
  calibration: number;
  /** What each layer costs, the most sensitive first; where it came to that. */
  sensitivity?: SensitivityRecord[];
}
