import { sgdUpdate } from '../../ops/optimizer.js';
import { slbSgdUpdate } from '../../ops/slb.js';
import { checkOptimizer, type Optimizer, type OptimizerOptions, optimizer } from './optimizer.js';

export interface SgdOptions extends OptimizerOptions {
  /** Default 0.9. */
  momentum?: number;
  /** Default 0. */
  dampening?: number;
  /** Default false. */
  nesterov?: boolean;
}

/**
 * Stochastic gradient descent with momentum as PyTorch's SGD defines it: g += weightDecay·p; v = momentum·v + (1 − dampening)·g, at first
 * v = g; p −= rate·v, or with Nesterov p −= rate·(g + momentum·v). Defaults: rate 0.1, momentum 0.9, no decay.
 */
export function sgd(given: SgdOptions = {}): Optimizer {
  const options = { rate: 0.1, momentum: 0.9, dampening: 0, nesterov: false, weightDecay: 0, decayNorms: false, ...given };
  const { rate, momentum, dampening, nesterov, weightDecay } = options;
  checkOptimizer('sgd', given, ['momentum', 'dampening', 'nesterov'], {
    rate: [rate, 0, Infinity],
    momentum: [momentum, 0, 1],
    dampening: [dampening, 0, nesterov ? 0 : 1],
    weightDecay: [weightDecay, 0, Infinity],
  });
  return optimizer('sgd', options, ['velocity'], (slot, gradient, control) => {
    const params = { momentum, dampening, nesterov, weightDecay: slot.weightDecay };
    const { parameter, search } = slot;
    const [velocity] = slot.state;
    if (!search) return sgdUpdate(parameter, gradient, velocity, control, params);
    const { weight, values, temperature, mode } = search;
    return slbSgdUpdate(weight, gradient, parameter, values, velocity, control, { ...params, temperature, hard: mode !== 'soft' });
  });
}
