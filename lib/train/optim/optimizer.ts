/** What every optimizer is: options that can be printed, and, once it has parameters, tensors of its own. */
import { checkOptions, fail } from '../../error.js';
import { keep, Tensor } from '../../tensor.js';
import type { SearchedWeight } from '../searchedWeight.js';
import { checkSelection, type Selection, selects } from '../selection.js';

/** Parameters that are treated differently. */
export interface ParameterGroup {
  parameters: Selection;
  /** Factor of the learning rate, default 1. */
  rate?: number;
  weightDecay?: number;
}

/** Options that all optimizers share. */
export interface OptimizerOptions {
  /** The learning rate, before the schedule. */
  rate?: number;
  weightDecay?: number;
  /** Decay norms and biases too: every parameter of fewer than two dimensions. Default false. */
  decayNorms?: boolean;
  /** A parameter goes by the first group that selects it, and by the options above where none does. */
  groups?: readonly ParameterGroup[];
}

/** An optimizer that has not met its parameters yet. */
export interface Optimizer {
  readonly name: string;
  /** All options, defaults filled in. */
  readonly options: Readonly<Record<string, unknown>> & { readonly rate: number };
  /** Allocates the state for these parameters. */
  start(parameters: ReadonlyMap<string, Tensor>, searched?: readonly SearchedWeight[]): RunningOptimizer;
}

/** An optimizer at work. */
export interface RunningOptimizer {
  /** Its tensors, by the name of the parameter and their own: "conv1.weight.velocity". */
  readonly state: ReadonlyMap<string, Tensor>;
  /**
   * Changes the parameters in place; call it where ops run.
   * @param gradients by parameter tensor, for logits by the weight they give; a parameter without one stays as it is
   * @param control the op's control tensor for a factor of the learning rate: all that differs from step to step is in it
   */
  update(gradients: ReadonlyMap<Tensor, Tensor>, control: (rate: number) => Tensor): void;
}

/** How one parameter is treated, and what it keeps. */
export interface Slot {
  parameter: Tensor;
  rate: number;
  weightDecay: number;
  state: readonly Tensor[];
  /** Where the parameter is the logits of a weight: the gradient is that of the weight. */
  search?: SearchedWeight;
}

/** Builds an optimizer from its update rule. */
export function optimizer<O extends OptimizerOptions & { rate: number }>(
  name: string,
  options: O,
  stateNames: readonly string[],
  update: (slot: Slot, gradient: Tensor, control: Tensor) => unknown,
): Optimizer {
  return {
    name,
    options: options as O & Record<string, unknown>,
    start(parameters, searched = []) {
      const slots = slotsOf(name, parameters, options, stateNames, searched);
      const state = [...slots].flatMap(([parameter, slot]) => stateNames.map((own, i) => [`${parameter}.${own}`, slot.state[i]] as const));
      return {
        state: new Map(state),
        update(gradients, control) {
          for (const slot of slots.values()) {
            const gradient = gradients.get(slot.search?.weight ?? slot.parameter);
            if (gradient) update(slot, gradient, control(slot.rate));
          }
        },
      };
    },
  };
}

function slotsOf(
  name: string,
  parameters: ReadonlyMap<string, Tensor>,
  options: OptimizerOptions,
  stateNames: readonly string[],
  searched: readonly SearchedWeight[],
) {
  const { groups = [], weightDecay = 0, decayNorms = false } = options;
  for (const group of groups) checkSelection(name, 'groups', group.parameters, [...parameters.keys()]);
  return new Map(
    [...parameters].map(([parameterName, parameter]): [string, Slot] => {
      const group = groups.find(({ parameters: selection }) => selects(selection, parameterName));
      const decays = decayNorms || parameter.shape.length > 1;
      const { size, shape, device } = parameter;
      const state = stateNames.map(() => keep(Tensor.from(new Float32Array(size), shape, 'float32', device)));
      const search = searched.find(({ logits }) => logits === parameter);
      const ownDecay = group?.weightDecay ?? (decays ? weightDecay : 0);
      return [parameterName, { parameter, rate: group?.rate ?? 1, weightDecay: ownDecay, state, search }];
    }),
  );
}

/** Refuses unknown options and numbers outside their range. */
export function checkOptimizer(
  name: string,
  given: object,
  known: readonly string[],
  ranges: Readonly<Record<string, readonly [value: number, low: number, high: number]>>,
): void {
  checkOptions(name, given, [...known, 'rate', 'weightDecay', 'decayNorms', 'groups']);
  for (const [option, [came, low, high]] of Object.entries(ranges)) {
    if (came >= low && came <= high && Number.isFinite(came)) continue;
    fail({ code: 'option', where: name, option, came, expected: `a number from ${low}${Number.isFinite(high) ? ` to ${high}` : ''}` });
  }
}
