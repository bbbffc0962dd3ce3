/** Rewritings of a file that change no number, and what they share. */

import type { OnnxModel } from '../../onnx/file.js';
import type { NodeProto } from '../../onnx/schema.js';
import { type NamedTensor, tensorToProto } from '../../onnx/tensors.js';
import { ModelView } from '../modelView.js';
import type { Target } from '../targets.js';

/** Gives the rewritten file. The messages of the one that is looked at may be changed (they are a copy), lists in them may not. */
export type Fix = (view: ModelView, target: Target) => OnnxModel;

/** Puts other constants into the places of a file that read them. */
export class Recoding {
  /** New constants by the name of the old one. */
  readonly #made = new Map<string, string>();
  readonly #names = new Set<string>();

  constructor(
    readonly view: ModelView,
    /** What names of new constants end in. */
    readonly suffix: string,
  ) {}

  /** The node reads a constant made of the one at `position` instead; `false` where that is none. */
  replace(node: NodeProto, position: number, make: (tensor: NamedTensor) => NamedTensor): boolean {
    const old = node.input[position] ?? '';
    const tensor = this.view.numbers(old);
    if (!tensor) return false;
    const made = this.#made.get(old) ?? this.add(old, make(tensor));
    this.#made.set(old, made);
    this.put(node, position, made);
    return true;
  }

  /** The node reads a value at `position`; the lists of the given file are not changed. */
  put(node: NodeProto, position: number, value: string): void {
    const input = [...node.input];
    while (input.length <= position) input.push('');
    node.input = input.with(position, value);
  }

  /** A constant named after another value. */
  add(like: string, { dtype, shape, data }: NamedTensor): string {
    const name = this.unused(`${like}_${this.suffix}`);
    const graph = this.view.model.proto.graph!;
    graph.initializer = [...graph.initializer, tensorToProto(name, dtype, shape, data)];
    return name;
  }

  /** The file without the constants that nobody reads any more. */
  done(): OnnxModel {
    const { model } = this.view;
    const now = new ModelView(model);
    const stays = (name: string) => !this.#made.has(name) || now.readers(name).length > 0 || now.isOutput(name);
    const graph = model.proto.graph!;
    graph.initializer = graph.initializer.filter(({ name }) => stays(name));
    graph.input = graph.input.filter(({ name }) => stays(name));
    graph.node = graph.node.filter(({ opType, output }) => opType !== 'Constant' || stays(output[0]));
    return model;
  }

  private unused(name: string): string {
    let free = name;
    for (let i = 1; this.#names.has(free) || this.view.knows(free); i++) free = `${name}_${i}`;
    this.#names.add(free);
    return free;
  }
}

/** Signed codes as unsigned ones of the same meaning: the zero point moves along. */
export const unsigned = ({ name, shape, data }: NamedTensor): NamedTensor => ({
  name,
  dtype: 'uint8',
  shape,
  data: Uint8Array.from(data as Int8Array, (code) => code + 128),
});
