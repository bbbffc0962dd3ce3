import { fail } from '../../error.js';
import type { Tensor } from '../../tensor.js';
import { checkSelection, type Selection, selects } from '../selection.js';
import type { Optimizer, RunningOptimizer } from './optimizer.js';

/** Parameters with an optimizer of their own. */
export interface OptimizerPart {
  parameters: Selection;
  optimizer: Optimizer;
}

/**
 * Several optimizers, each for its parameters: a parameter goes by the first part that selects it, and by `rest` where none does. The
 * schedule scales all their rates alike.
 * @throws LowbitError 'option' where `rest` has a rate of 0, which nothing can be scaled from, or a part selects no parameter
 */
export function mixed(parts: readonly OptimizerPart[], rest: Optimizer): Optimizer {
  const { rate } = rest.options;
  if (!(rate > 0)) fail({ code: 'option', where: 'mixed', option: 'rest.rate', came: rate, expected: 'a number above 0' });
  const described = parts.map(({ parameters, optimizer: { name, options } }) => ({ parameters: String(parameters), name, ...options }));
  return {
    name: 'mixed',
    options: { rate, parts: described, rest: { name: rest.name, ...rest.options } },
    start(parameters, searched) {
      for (const part of parts) checkSelection('mixed', 'parameters', part.parameters, [...parameters.keys()]);
      const all = [...parts.map(({ optimizer }) => optimizer), rest];
      const owned = all.map(() => new Map<string, Tensor>());
      for (const [name, tensor] of parameters) {
        const i = parts.findIndex((part) => selects(part.parameters, name));
        owned[i < 0 ? parts.length : i].set(name, tensor);
      }
      const running = all.map((optimizer, i): [RunningOptimizer, number] => [
        optimizer.start(owned[i], searched),
        optimizer.options.rate / rate,
      ]);
      return {
        state: new Map(running.flatMap(([{ state }]) => [...state])),
        update(gradients, control) {
          for (const [optimizer, factor] of running) optimizer.update(gradients, (own) => control(own * factor));
        },
      };
    },
  };
}
