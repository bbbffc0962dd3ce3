import { noGrad } from '../autograd.js';
import { fail } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { run } from '../graph/run.js';
import { add, mul } from '../ops/elementwise.js';
import { distillation as distillationOp } from '../ops/loss.js';
import { Tensor } from '../tensor.js';
import { crossEntropy, type Loss } from './losses.js';

export interface DistillationOptions {
  /** Softens both distributions, default 2. */
  temperature?: number;
  /** Factor of the teacher's part, default 1. */
  weight?: number;
  /** What is learned from the labels, default cross entropy; "none" learns from the teacher alone. */
  loss?: Loss | 'none';
}

type Tensors = Readonly<Record<string, Tensor>>;

/**
 * Learning from another network: loss + weight·temperature²·KL(teacher ‖ student), both softened by the temperature (Hinton, Vinyals, Dean,
 * "Distilling the knowledge in a neural network", 2015). The teacher sees the same inputs and learns nothing; validation does without it.
 * @param teacher a graph whose first output is logits; its inputs are the student's, in their order
 */
export function distillation(teacher: Graph, options: DistillationOptions = {}): Loss {
  const { temperature = 2, weight = 1, loss = crossEntropy() } = options;
  for (const [option, came] of Object.entries({ temperature, weight })) {
    if (!(came > 0 && Number.isFinite(came))) fail({ code: 'option', where: 'distillation', option, came, expected: 'a number above 0' });
  }
  const compute = (output: Tensor, labels: Tensor, outputs: Tensors, inputs: Tensors) => {
    const given = Object.values(inputs);
    const named = Object.fromEntries(teacher.inputs.map(({ name }, i) => [name, given[i]]));
    const taught = noGrad(() => run(teacher, named)[teacher.outputs[0].name]);
    const apart = distillationOp(output, taught, { temperature });
    const weighted = weight === 1 ? apart : mul(apart, Tensor.scalar(weight, 'float32', apart.device));
    return loss === 'none' ? weighted : add(loss(output, labels, outputs, inputs), weighted);
  };
  const base = loss === 'none' ? 'none' : { name: loss.name, ...loss.options };
  const named = Object.defineProperty(compute, 'name', { value: 'distillation' });
  const validation = loss === 'none' ? undefined : loss;
  return Object.assign(named, { options: { teacher: teacher.name, temperature, weight, loss: base }, validation });
}
