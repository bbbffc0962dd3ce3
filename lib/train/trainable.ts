/** A network that can learn: which of its constants are parameters, and the form in which it runs while it learns. */
import { fail, nearest, shapeText } from '../error.js';
import { Graph, type Node, type Value } from '../graph/graph.js';
import { requireKernels } from '../graph/kernels.js';
import { rewrite } from '../graph/rewrite.js';
import type { SampleType } from '../graph/sampleFit.js';
import { type Traceable, traceModule } from '../graph/traceModule.js';
import type { AnyOp } from '../op.js';
import { batchNorm, fakeQuantizeRange, slbExpectation } from '../ops/index.js';
import { type TrainingForm, trainingForm } from '../passes/trainingForm.js';
import { type Device, isReal, type Shape } from '../shape.js';
import { keep, type Tensor } from '../tensor.js';
import { SearchedWeight } from './searchedWeight.js';
import { checkSelection, type Selection, selects } from './selection.js';

export interface TrainableOptions {
  /**
   * Constants to learn, by name. Default: every real constant where an op learns one (weights, biases, scales of norms, embeddings), but not
   * biases of convolutions and linear layers that are nothing but zeros: those stand for no bias.
   */
  parameters?: Selection;
  /** Of these, what stays as it is. Batch normalizations whose scale is frozen keep their running statistics too. */
  freeze?: Selection;
  /** Learn in the graph's own tensors instead of copies: what shares them (a module that was traced) learns with it. Default false. */
  inPlace?: boolean;
}

/** A module of `nn`, or what looks like one. */
export interface LearningModule extends Traceable {
  parameters(): ReadonlyMap<string, Tensor>;
}

/** What can be trained. A graph is copied, a module learns in its own tensors. */
export type Model = Trainable | Graph | LearningModule;

/** The model in the form in which it is trained, for samples of this type. */
export function trainableOf(model: Model, { shape, dtype = 'float32' }: Pick<SampleType, 'shape' | 'dtype'>): Trainable {
  if (model instanceof Trainable) return model;
  if (model instanceof Graph) return new Trainable(model);
  const graph = traceModule(model, { input: { dtype, shape } });
  return new Trainable(graph, { parameters: [...model.parameters().keys()], inPlace: true });
}

/**
 * A graph with parameters.
 *
 * `graph` is the network as it is used, `form` the same network as it runs while it learns; both read the same tensors, which training
 * changes in place.
 */
export class Trainable {
  readonly graph: Graph;
  readonly form: TrainingForm;
  /** What is learned, by name. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** Of these the logits of weights that are searched for: the form runs on the weights. */
  readonly searched: readonly SearchedWeight[];
  /** Running statistics and ranges, by name. */
  readonly buffers: ReadonlyMap<string, Tensor>;

  /** @throws LowbitError 'option' for a selection that means nothing, 'graph' where nothing is left to learn */
  constructor(graph: Graph, { parameters: wanted, freeze = [], inPlace = false }: TrainableOptions = {}) {
    const candidates = candidatesOf(graph, wanted);
    checkSelection('freeze', 'freeze', freeze, namesOf(candidates));
    const learned = candidates.filter(({ name }) => !selects(freeze, name));
    if (!learned.length) fail({ code: 'graph', problem: `${graph.name} has no constants to learn`, todo: 'See parameters and freeze.' });
    this.graph = inPlace ? graph : withOwn(graph, [...learned, ...statisticsOf(graph)]);
    this.parameters = new Map(learned.map(({ name }) => [name, this.#constant(name)]));
    const tensors = new Set(this.parameters.values());
    const searched = searchedIn(this.graph, tensors);
    this.searched = [...searched.values()];
    this.form = trainingForm(
      this.graph,
      ({ inputs: [, scale] }) => !tensors.has(this.graph.constantOf(scale)!),
      (node) => searched.get(node)?.weight,
    );
    this.buffers = new Map(statisticsOf(this.graph).map((value) => [value.name, this.#constant(value.name)]));
  }

  /** The tensors that gradients are asked for: parameters, and in place of logits the weights they give. */
  get leaves(): Tensor[] {
    const weights = new Map(this.searched.map((search) => [search.logits, search]));
    return [...this.parameters.values()].flatMap((tensor) => {
      const search = weights.get(tensor);
      return search ? (search.learns ? [search.weight] : []) : [tensor];
    });
  }

  /** Where it learns. */
  get device(): Device {
    const [first] = this.parameters.values();
    return first.device;
  }

  /**
   * Moves all that training changes, in place: modules and graphs that share it find it on the device. Other constants follow when they are
   * asked for.
   * @throws LowbitError 'cuda' where there is no graphics card that can be used, 'unsupported' where it lacks kernels, 'outOfMemory'
   */
  to(device: Device): this {
    for (const graph of [this.graph, this.form.graph]) requireKernels(graph, device);
    const searched = this.searched.flatMap(({ weight, values }) => [weight, values]);
    for (const tensor of [...this.state().values(), ...searched]) tensor.moveTo(device);
    return this;
  }

  /** Parameters and running statistics, by name: all that training changes in the network. */
  state(): Map<string, Tensor> {
    return new Map([...this.parameters, ...this.buffers]);
  }

  /**
   * Takes over parameters and running statistics.
   * @throws LowbitError 'data' where a name is missing or unknown, or a shape differs; nothing is changed then
   */
  load(state: ReadonlyMap<string, Tensor>, where = 'state'): void {
    const mine = this.state();
    const wrong = (problem: string) => fail({ code: 'data', where, problem });
    for (const name of state.keys()) {
      const near = nearest(name, [...mine.keys()]);
      if (!mine.has(name)) wrong(`"${name}" is no parameter of ${this.graph.name}${near ? `; did you mean "${near}"` : ''}`);
    }
    for (const [name, tensor] of mine) {
      const given = state.get(name) ?? wrong(`"${name}" is missing`);
      if (given.dtype !== tensor.dtype || given.shape.join() !== tensor.shape.join()) {
        wrong(`"${name}" is ${given.dtype} ${shapeText(given.shape)}, expected ${tensor.dtype} ${shapeText(tensor.shape)}`);
      }
    }
    for (const [name, tensor] of mine) tensor.write(state.get(name)!);
    for (const search of this.searched) search.refresh();
  }

  #constant(name: string): Tensor {
    return this.graph.constantOf(this.graph.find(name))!;
  }
}

const namesOf = (values: readonly Value[]) => values.map(({ name }) => name);

/** Constants that may be learned; those a selection means, or those where ops learn. */
function candidatesOf(graph: Graph, wanted: Selection | undefined): Value[] {
  const real = [...graph.constants].flatMap(([value, { dtype }]) => (isReal(dtype) ? [value] : []));
  if (wanted === undefined) {
    const learned = new Set(
      graph.nodes.flatMap(({ op, inputs }) => inputs.filter((value, i) => learns(op, i) && !(op.quantizes && standsForNone(graph, value)))),
    );
    return real.filter((value) => learned.has(value));
  }
  const statistics = new Set(statisticsOf(graph));
  const open = real.filter((value) => !statistics.has(value));
  checkSelection('parameters', 'parameters', wanted, namesOf(open));
  return open.filter(({ name }) => selects(wanted, name));
}

const standsForNone = (graph: Graph, value: Value) => {
  const tensor = graph.constantOf(value);
  return tensor?.shape.length === 1 && tensor.toNumbers().every((x) => x === 0);
};

function learns(op: AnyOp, input: number): boolean {
  return op.learns?.includes(op.inputs[input]) ?? false;
}

function searchedIn(graph: Graph, parameters: ReadonlySet<Tensor>): Map<Node, SearchedWeight> {
  return new Map(
    graph.nodes.flatMap((node) => {
      const [logits, values] = node.inputs.map((value) => graph.constantOf(value));
      if (node.op !== slbExpectation || !logits || !values || !parameters.has(logits)) return [];
      return [[node, new SearchedWeight(node.inputs[0].name, logits, values, node.params.shape as Shape)]];
    }),
  );
}

/** Running means and variances of batch normalizations, ranges of activations. */
function statisticsOf(graph: Graph): Value[] {
  const found = graph.nodes.flatMap(({ op, inputs }) =>
    op === batchNorm ? inputs.slice(3, 5) : op === fakeQuantizeRange ? inputs.slice(1) : [],
  );
  return [...new Set(found)].filter((value) => graph.constants.has(value));
}

/** The graph with copies of these constants. */
function withOwn(graph: Graph, values: readonly Value[]): Graph {
  const names = new Set(namesOf(values));
  const copy = rewrite(graph, () => undefined);
  for (const [value, tensor] of [...copy.constants]) {
    if (names.has(value.name)) copy.constants.set(value, keep(tensor.copy()));
  }
  return copy;
}
