import { adamUpdate } from '../../ops/optimizer.js';
import { slbAdamUpdate } from '../../ops/slb.js';
import { checkOptimizer, type Optimizer, type OptimizerOptions, optimizer } from './optimizer.js';

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the mean gradient and of the mean squared gradient, default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Default 1e-8. */
  epsilon?: number;
}

/** Adam (Kingma and Ba, 2015): weight decay is added to the gradient. Defaults: rate 1e-3, no decay. */
export const adam = (options: AdamOptions = {}): Optimizer => adamLike('adam', false, 0, options);

/** AdamW (Loshchilov and Hutter, 2019): parameters shrink by rate·weightDecay beside the update. Defaults: rate 1e-3, decay 0.01. */
export const adamw = (options: AdamOptions = {}): Optimizer => adamLike('adamw', true, 0.01, options);

function adamLike(name: string, decoupled: boolean, decay: number, given: AdamOptions): Optimizer {
  const defaults = { rate: 1e-3, betas: [0.9, 0.999] as const, epsilon: 1e-8, weightDecay: decay, decayNorms: false };
  const options = { ...defaults, ...given };
  const { rate, epsilon, weightDecay } = options;
  const [beta1, beta2] = options.betas;
  checkOptimizer(name, given, ['betas', 'epsilon'], {
    rate: [rate, 0, Infinity],
    'betas[0]': [beta1, 0, 1 - Number.EPSILON],
    'betas[1]': [beta2, 0, 1 - Number.EPSILON],
    epsilon: [epsilon, 0, Infinity],
    weightDecay: [weightDecay, 0, Infinity],
  });
  return optimizer(name, options, ['mean', 'square'], (slot, gradient, control) => {
    const params = { beta1, beta2, epsilon, weightDecay: slot.weightDecay, decoupled };
    const { parameter, search } = slot;
    const [m, v] = slot.state;
    if (!search) return adamUpdate(parameter, gradient, m, v, control, params);
    const { weight, values, temperature, mode } = search;
    return slbAdamUpdate(weight, gradient, parameter, values, m, v, control, { ...params, temperature, hard: mode !== 'soft' });
  });
}
