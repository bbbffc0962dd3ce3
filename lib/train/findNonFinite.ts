/** Where a step's numbers stopped being numbers. */
import { valueAndGradients } from '../autograd.js';
import { run } from '../graph/run.js';
import { scope, type Tensor } from '../tensor.js';
import { type Part, partsOf } from './parts.js';
import { drawOf, type LabelledBatch, lossInputs, type StepOptions } from './step.js';

const finite = (tensor: Tensor) => !tensor.dtype.startsWith('float') || tensor.toNumbers().every(Number.isFinite);

/**
 * Runs the step again, without learning from it, and looks at every number on the way: inputs, parameters, the values of the network in
 * order, then the gradients from the output backwards.
 * @returns a phrase that names the first place
 */
export function findNonFinite(options: StepOptions, batch: LabelledBatch, step: number): string {
  return scope(() => {
    for (const [i, part] of partsOf(batch, options.accumulate, options.enter).entries()) {
      const found = search(options, part, step * options.accumulate + i);
      if (found) return found;
    }
    return 'no single value is infinite or NaN: the sum of the squared gradients is too large for a float';
  });
}

function search({ model, loss, seed }: StepOptions, part: Part, draw: number): string | undefined {
  for (const [name, tensor] of [...model.parameters, ...model.buffers]) {
    if (!finite(tensor)) return `"${name}" itself is not finite`;
  }
  const { graph } = model.form;
  let found: string | undefined;
  const { gradients } = valueAndGradients(() => {
    const outputs = run(graph, lossInputs(model, part, drawOf(seed, draw)), {
      tape: [],
      onValue: (value, tensor) => {
        if (!found && !finite(tensor))
          found = `the first value that is not finite is "${value.name}"${value.producer ? ` (${value.producer.op.name})` : ', an input'}`;
      },
    });
    return loss(outputs[model.graph.outputs[0].name], part.labels, outputs, part.inputs);
  }, model.leaves);
  if (found) return found;
  const names = [...model.parameters].reverse();
  const leaf = (tensor: Tensor) => model.searched.find(({ logits }) => logits === tensor)?.weight ?? tensor;
  const wrong = names.find(([, tensor]) => gradients.has(leaf(tensor)) && !finite(gradients.get(leaf(tensor))!));
  return wrong && `all values are finite, the gradient of "${wrong[0]}" is not`;
}
