/** Runs a graph over samples and lets observers watch some of its values. */
import { checkDevice } from '../cuda.js';
import { fail } from '../error.js';
import type { Graph, Value } from '../graph/graph.js';
import { run } from '../graph/run.js';
import type { Device } from '../shape.js';
import { scope, type Tensor } from '../tensor.js';
import type { Observer } from './observers/index.js';
import type { Range } from './scheme.js';

/** Batches of inputs by name; called once for each pass over the data. The tensors are disposed of after use. */
export type Batches = () => AsyncIterable<Record<string, Tensor>>;

export interface CalibrateOptions {
  onProgress?: (samples: number) => void;
  /** Where the graph runs and values are watched, default 'cpu'. */
  device?: Device;
  signal?: AbortSignal;
}

/**
 * Watches the values over all batches. Memory does not grow with the number of samples: an observer keeps at most 64 KiB a value, and a
 * batch's activations are freed as the graph runs.
 * @throws LowbitError "data" where there is no batch, or a value is NaN or infinite, with its name
 */
export async function calibrate(
  graph: Graph,
  batches: Batches,
  observers: ReadonlyMap<Value, Pick<Observer, 'observe'>>,
  { onProgress, device = 'cpu', signal }: CalibrateOptions = {},
): Promise<void> {
  checkDevice('calibrate', device);
  let samples = 0;
  for await (const inputs of batches()) {
    scope(() => {
      const moved = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, tensor.to(device)]));
      run(graph, moved, { signal, onValue: (value, tensor) => observers.get(value)?.observe(tensor) });
    });
    samples += Object.values(inputs)[0]?.shape[0] ?? 1;
    for (const tensor of Object.values(inputs)) tensor.dispose();
    onProgress?.(samples);
    // Leave the event loop a turn, for signals and progress.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (!samples) fail({ code: 'data', where: 'calibration', problem: 'there are no samples' });
}

/** Refuses ranges that are not finite. */
export function checkRange(name: string, { min, max }: Range): Range {
  if (Number.isFinite(min) && Number.isFinite(max)) return { min, max };
  return fail({
    code: 'data',
    where: 'calibration',
    problem: `value "${name}" goes from ${min} to ${max}`,
    todo: 'Look for NaN or infinite numbers in the samples and in the weights.',
  });
}
