import { checkOptions, fail } from '../../error.js';
import { keep, type Tensor } from '../../tensor.js';
import { type Callback, type EpochReport, numberOf } from '../callback.js';

export interface EarlyStopOptions {
  /** A number of the epochs: "loss", "accuracy", or one of the validation; default "validation loss". */
  metric?: string;
  /** Whether more of it is better; default: for everything but losses. */
  higherIsBetter?: boolean;
  /** How many epochs in a row may pass without a better one, default 10; Infinity to only keep the best. */
  patience?: number;
  /** What counts as better: by more than this, default 0. */
  minDelta?: number;
  /** Give the model the parameters of its best epoch when the run ends, default true. */
  restoreBest?: boolean;
}

/** Ends a run that no longer gets better, with the best it had. */
export function earlyStop(options: EarlyStopOptions = {}): Callback {
  checkOptions('earlyStop', options, ['metric', 'higherIsBetter', 'patience', 'minDelta', 'restoreBest']);
  const { metric = 'validation loss', patience = 10, minDelta = 0, restoreBest = true } = options;
  const { higherIsBetter = !metric.endsWith('loss') } = options;
  let best: { value: number; epoch: number } | undefined;
  let saved = new Map<string, Tensor>();

  const free = () => {
    for (const tensor of saved.values()) tensor.dispose();
    saved = new Map();
  };
  const better = (value: number) => !best || (higherIsBetter ? value - best.value : best.value - value) > minDelta;
  const valueIn = (report: EpochReport): number => {
    const expected = `one of ${['training', 'validation'].flatMap((part) => namesOf(report, part as 'training')).join(', ')}`;
    return numberOf(report, metric) ?? fail({ code: 'option', where: 'earlyStop', option: 'metric', came: metric, expected });
  };
  return {
    name: 'earlyStop',
    onEpochEnd(run, report) {
      const { epoch, model } = run;
      const value = valueIn(report);
      if (better(value)) {
        best = { value, epoch };
        free();
        if (restoreBest) saved = copies(model.state());
      } else if (epoch - best!.epoch >= patience) {
        run.stop(`${metric} has not been better than ${best!.value} of epoch ${best!.epoch} for ${patience} epochs`);
      }
    },
    // Not before, because a last checkpoint holds the state in which the run would go on.
    onClose({ model }) {
      if (saved.size) model.load(saved, 'earlyStop');
      free();
    },
    state: () => best,
    tensors: () => saved,
    restore(state, tensors) {
      best = state as typeof best;
      free();
      saved = copies(tensors);
    },
  };
}

function namesOf(report: EpochReport, part: 'training' | 'validation'): string[] {
  return Object.keys(report[part] ?? {}).map((name) => (part === 'training' ? name : `validation ${name}`));
}

function copies(tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  return new Map([...tensors].map(([name, tensor]) => [name, keep(tensor.copy())]));
}
