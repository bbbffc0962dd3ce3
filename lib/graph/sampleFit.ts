/** How samples of a shape enter a graph. */
import { fail, shapeText } from '../error.js';
import { reshape, transpose } from '../ops/layout.js';
import { isInteger, isReal, mayEqual, type Shape, shapesMayEqual, sizeOf, type TensorType } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Graph, Value } from './graph.js';

/** Samples as a data set gives them. */
export interface SampleType {
  /** For people. */
  description: string;
  /** One sample, channels first. */
  shape: Shape;
  /** Default float32. */
  dtype?: 'float32' | 'int32';
}

/** How a sample becomes what the graph's input takes. */
export interface SampleFit {
  /** The input. */
  name: string;
  type: TensorType;
  /** The sample's shape as the input takes it. */
  shape: Shape;
  /** The channels move to the end. */
  channelsLast: boolean;
}

/**
 * How samples of this shape enter the graph. Its one input takes them as they are, with dimensions of 1 added or left out, flattened,
 * or with the channels moved to the end.
 * @throws LowbitError 'data' where the graph has several inputs, one that does not take such numbers, or one of another size
 */
export function sampleFit(graph: Graph, { description, shape: sample, dtype = 'float32' }: SampleType): SampleFit {
  const { name, type } = onlyInput(graph, dtype);
  const { shape } = type as TensorType;
  const fit = fitOf(sample, shape.slice(1));
  if (!fit) {
    fail({
      code: 'data',
      where: description,
      problem: `samples of shape ${shapeText(sample)} do not fit input "${name}" of ${graph.name}, which is ${shapeText(shape)}`,
      todo: 'The first dimension is the batch; for images see resize and crop.',
    });
  }
  return { name, type: type as TensorType, ...fit };
}

/** A batch (n, ...sample) as the input takes it, by ops; `data` itself where that is the same. */
export function entered({ shape, channelsLast }: SampleFit, data: Tensor): Tensor {
  const turned = channelsLast ? transpose(data, { perm: [0, 2, 3, 1] }) : data;
  const wanted = [data.shape[0], ...shape];
  return turned.shape.join() === wanted.join() ? turned : reshape(turned, { shape: wanted });
}

function onlyInput(graph: Graph, stored: 'float32' | 'int32'): Value {
  const wrong = (problem: string, todo?: string) => fail({ code: 'data', where: graph.name, problem, todo });
  const names = graph.inputs.map(({ name }) => `"${name}"`).join(', ');
  if (graph.inputs.length !== 1) {
    const problem = `the model has ${graph.inputs.length} inputs${names && ` (${names})`}, a data set feeds exactly one`;
    wrong(
      problem,
      graph.inputs.length ? 'Give the others fixed values: importOnnx(path, { constants }); or feed all of them to quantize().' : undefined,
    );
  }
  const [input] = graph.inputs;
  const { dtype, shape } = input.type as TensorType;
  if (stored === 'float32' && !isReal(dtype)) {
    wrong(`input ${names} takes ${dtype}, a data set gives real numbers`, 'Use a model whose input is float32.');
  }
  if (stored === 'int32' && !isInteger(dtype)) {
    wrong(`input ${names} takes ${dtype}, this data set gives tokens`, 'Use a model whose input is int32 or int64.');
  }
  if (shape.length === 0 || shape[0] === 0) wrong(`input ${names} is ${shapeText(shape)}, which has no batch dimension`);
  return input;
}

function fitOf(sample: Shape, wanted: Shape): Pick<SampleFit, 'shape' | 'channelsLast'> | undefined {
  const asIs = { shape: sample, channelsLast: false };
  if (shapesMayEqual(sample, wanted)) return asIs;
  const turned = [...sample.slice(1), sample[0]];
  if (sample.length === 3 && shapesMayEqual(turned, wanted)) return { shape: turned, channelsLast: true };
  const long = (shape: Shape) => shape.filter((n) => n !== 1);
  const flat = wanted.length === 1 || sample.length === 1;
  const same = shapesMayEqual(long(sample), long(wanted)) || (flat && mayEqual(sizeOf(sample), sizeOf(wanted)));
  if (!same || wanted.filter(Number.isNaN).length > 1) return undefined;
  const known = sizeOf(wanted.filter((n) => !Number.isNaN(n)));
  return { shape: wanted.map((n) => (Number.isNaN(n) ? sizeOf(sample) / known : n)), channelsLast: false };
}
