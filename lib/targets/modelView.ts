/** A model file as rules look at it: all its nodes, who makes and who reads a value, constants, types. */
import type { OnnxModel } from '../onnx/file.js';
import type { GraphProto, NodeProto, TensorProto } from '../onnx/schema.js';
import { type NamedTensor, tensorFromProto } from '../onnx/tensors.js';
import { type Element, elementOf } from './elements.js';
import { addValueTypes, attributeOf, type ValueTypes } from './valueTypes.js';

export class ModelView {
  /** The nodes of the graph, and of the graphs inside them. */
  readonly nodes: readonly NodeProto[];
  /** The nodes of functions that the file brings along, whose values have no types before they are called. */
  readonly functionNodes: readonly NodeProto[];
  /** Initializers, and the tensors of Constant nodes. */
  readonly constants: Map<string, TensorProto> = new Map();
  readonly #types: ValueTypes = new Map();
  readonly #makers = new Map<string, NodeProto>();
  readonly #readers = new Map<string, NodeProto[]>();

  constructor(readonly model: OnnxModel) {
    const { graph, functions } = model.proto;
    const graphs = withInner([graph!]);
    for (const inner of graphs) {
      addValueTypes(inner, this.#types);
      for (const tensor of inner.initializer) this.constants.set(tensor.name, tensor);
    }
    this.nodes = graphs.flatMap(({ node }) => node);
    this.functionNodes = functions.flatMap(({ node }) => [...node, ...withInner(node.flatMap(innerGraphs)).flatMap((inner) => inner.node)]);
    for (const node of this.nodes) {
      const value = node.opType === 'Constant' ? attributeOf(node, 'value')?.t : undefined;
      if (value) this.constants.set(node.output[0], value);
      for (const name of node.output) this.#makers.set(name, node);
      for (const name of node.input) {
        if (!this.#readers.has(name)) this.#readers.set(name, []);
        this.#readers.get(name)!.push(node);
      }
    }
  }

  /** The version of an operator domain that the model uses. */
  opset(domain = ''): number | undefined {
    const same = (other: string) => (domain === '' ? other === '' || other === 'ai.onnx' : other === domain);
    const found = this.model.proto.opsetImport.find((item) => same(item.domain));
    return found && Number(found.version);
  }

  maker(value: string): NodeProto | undefined {
    return this.#makers.get(value);
  }

  readers(value: string): readonly NodeProto[] {
    return this.#readers.get(value) ?? [];
  }

  /** undefined where it is not known, or no type that tables speak of. */
  type(value: string | undefined): Element | undefined {
    return value === undefined ? undefined : elementOf(this.#types.get(value));
  }

  /** The numbers of a constant. */
  numbers(value: string): NamedTensor | undefined {
    const tensor = this.constants.get(value);
    return tensor && tensorFromProto(tensor, this.model.folder);
  }

  /** Is a value one of the model's own inputs or outputs? */
  isPort(value: string): boolean {
    return this.isOutput(value) || this.model.proto.graph!.input.some(({ name }) => name === value);
  }

  isOutput(value: string): boolean {
    return this.model.proto.graph!.output.some(({ name }) => name === value);
  }

  /** Is there a value of this name? */
  knows(value: string): boolean {
    return this.#types.has(value) || this.#makers.has(value) || this.constants.has(value) || this.isPort(value);
  }
}

/** What to call a node: many exporters give no names. */
export const nameOf = ({ name, output }: NodeProto): string => name || (output[0] ?? '');

const innerGraphs = ({ attribute }: NodeProto): GraphProto[] => attribute.flatMap(({ g, graphs }) => [...(g ? [g] : []), ...graphs]);

function withInner(graphs: readonly GraphProto[]): GraphProto[] {
  return graphs.flatMap((graph) => [graph, ...withInner(graph.node.flatMap(innerGraphs))]);
}
