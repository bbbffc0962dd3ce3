/** Modules: objects that own tensors and compute with them. Layers, blocks and whole models are modules. */
import { checkOptions, fail, nearest, shapeText } from '../error.js';
import type { Device } from '../shape.js';
import { keep, Tensor } from '../tensor.js';

type Role = 'parameter' | 'buffer' | 'constant';

const roles = new WeakMap<Tensor, Role>();

function own(tensor: Tensor, role: Role): Tensor {
  roles.set(tensor, role);
  return keep(tensor);
}

/** Makes a tensor a module's own, to be learned: a weight. It lives until the module is disposed of, outside every scope. */
export const parameter = (tensor: Tensor) => own(tensor, 'parameter');
/** Makes a tensor a module's own, saved with the weights but not learned: a running statistic. */
export const buffer = (tensor: Tensor) => own(tensor, 'buffer');
/** Makes a tensor a module's own, neither learned nor saved: it follows from the module's options. */
export const constant = (tensor: Tensor) => own(tensor, 'constant');

/** Tensors by their names in a module: `layer1.0.conv1.weight`. */
export type State = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

export interface LoadOptions {
  /** Every tensor of the module has to be in the state and the other way round, default true. */
  strict?: boolean;
}

/**
 * A layer or a model. A subclass puts modules (or lists of them) and tensors into public fields, each tensor marked by `parameter`,
 * `buffer` or `constant`, and computes in `forward`:
 * ```ts
 * class Gated extends nn.Module {
 *   readonly value = new nn.Linear(8, 8);
 *   readonly gate = new nn.Linear(8, 8);
 *   forward(x: Tensor) {
 *     return mul(this.value.forward(x), sigmoid(this.gate.forward(x)));
 *   }
 * }
 * ```
 * Images are (n, h, w, c) and sequences (n, length, c), channels last. `forward` is inference: batch norm by its running statistics,
 * dropout does nothing. Training turns the traced graph into its training form and updates the module's tensors in place.
 */
export abstract class Module {
  readonly #options: string;

  /** @param options what is said in the parentheses behind the class, `written` has the form */
  constructor(options = '') {
    this.#options = options;
  }

  /** The module's output; it and everything made on the way belong to the scope of the call. */
  abstract forward(...inputs: Tensor[]): Tensor;

  /** What the module is made of, by name, in the order of its fields. */
  protected children(): [string, Module | Tensor][] {
    const named = Object.entries(this).flatMap(([name, value]) =>
      Array.isArray(value) ? value.map((item, i): [string, unknown] => [`${name}.${i}`, item]) : [[name, value] as [string, unknown]],
    );
    return named.filter((entry): entry is [string, Module | Tensor] => entry[1] instanceof Module || entry[1] instanceof Tensor);
  }

  /** The tensors that are learned, by name. */
  parameters(): Map<string, Tensor> {
    return this.tensors('parameter');
  }
  /** The tensors that are saved but not learned, by name: running statistics. */
  buffers(): Map<string, Tensor> {
    return this.tensors('buffer');
  }
  /** Parameters and buffers by name: all that a file of weights holds. The tensors are the module's own, not copies. */
  state(): Map<string, Tensor> {
    return this.tensors('parameter', 'buffer');
  }
  /** How many numbers are learned. */
  parameterCount(): number {
    return [...this.parameters().values()].reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Copies a state into the module's tensors; graphs that share them see it too. Nothing is written unless all of it fits.
   * @throws LowbitError 'data' where a tensor is missing or not the module's (unless `strict` is false), 'shape' or 'dtype' where one differs
   */
  load(state: State, options: LoadOptions = {}): this {
    const where = `${this.constructor.name}.load`;
    checkOptions(where, options, ['strict']);
    const given = state instanceof Map ? state : new Map(Object.entries(state));
    const mine = this.state();
    if (options.strict ?? true) refuseOthers(where, [...given.keys()], [...mine.keys()]);
    const pairs = [...mine].flatMap(([name, tensor]) => (given.has(name) ? [{ name, tensor, from: given.get(name)! }] : []));
    for (const { name, tensor, from } of pairs) {
      if (from.dtype !== tensor.dtype) fail({ code: 'dtype', op: where, input: name, came: from.dtype, expected: tensor.dtype });
      if (from.shape.join() !== tensor.shape.join()) {
        fail({ code: 'shape', op: where, input: name, came: from.shape, expected: shapeText(tensor.shape) });
      }
    }
    for (const { tensor, from } of pairs) tensor.write(from);
    return this;
  }

  /**
   * Moves the module's tensors in place: graphs that share them find them on the device.
   * @throws LowbitError 'cuda' where there is no graphics card that can be used, 'outOfMemory'
   */
  to(device: Device): this {
    for (const tensor of this.tensors('parameter', 'buffer', 'constant').values()) tensor.moveTo(device);
    return this;
  }

  /** Frees the module's tensors. */
  dispose(): void {
    for (const tensor of this.tensors('parameter', 'buffer', 'constant').values()) tensor.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The module and its parts, one a line, and how many parameters there are. */
  toString(): string {
    return `${this.text()}\n${this.parameterCount().toLocaleString('en-US')} parameters`;
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  private text(): string {
    const parts = this.children().flatMap(([name, child]) => (child instanceof Module ? [`(${name}): ${child.text()}`] : []));
    const lines = parts.map((part) => `\n  ${part.replaceAll('\n', '\n  ')}`);
    return `${this.constructor.name}(${[this.#options, ...lines].join('')}${lines.length ? '\n' : ''})`;
  }

  /** Tensors of some roles by name; one that is in several places has its first name. */
  private tensors(...wanted: Role[]): Map<string, Tensor> {
    const found = new Map<Tensor, string>();
    for (const [name, tensor] of this.all('')) {
      if (!found.has(tensor) && wanted.includes(roles.get(tensor)!)) found.set(tensor, name);
    }
    return new Map([...found].map(([tensor, name]) => [name, tensor]));
  }

  private *all(prefix: string): Generator<[string, Tensor]> {
    for (const [name, child] of this.children()) {
      if (child instanceof Module) yield* child.all(`${prefix}${name}.`);
      else if (roles.has(child)) yield [`${prefix}${name}`, child];
      else {
        const todo = 'Wrap it in parameter(), buffer() or constant().';
        fail({ code: 'data', where: this.constructor.name, problem: `nobody said what the tensor "${name}" is`, todo });
      }
    }
  }
}

function refuseOthers(where: string, given: readonly string[], mine: readonly string[]): void {
  const unexpected = given.filter((name) => !mine.includes(name));
  const missing = mine.filter((name) => !given.includes(name));
  if (unexpected.length) {
    const near = nearest(unexpected[0], missing.length ? missing : mine);
    const problem = `the module has no tensor ${list(unexpected)}${near ? `, did you mean "${near}"?` : ''}`;
    fail({ code: 'data', where, problem });
  }
  if (missing.length) fail({ code: 'data', where, problem: `the state has no tensor ${list(missing)}` });
}

const list = (names: readonly string[]) => `"${names[0]}"${names.length > 1 ? ` (and ${names.length - 1} more)` : ''}`;

/** What a layer was made with, as `Module` prints it: `3, 64, kernel=7, stride=2`. Functions and objects are left out. */
export function written(...args: readonly unknown[]): string {
  return args
    .flatMap((arg) =>
      isOptions(arg)
        ? Object.entries(arg)
            .filter(([, value]) => isPlain(value))
            .map(([k, v]) => `${k}=${show(v)}`)
        : [show(arg)],
    )
    .join(', ');
}

const isOptions = (arg: unknown): arg is object => typeof arg === 'object' && !Array.isArray(arg);
const isPlain = (value: unknown) => ['number', 'boolean', 'string'].includes(typeof value) || Array.isArray(value);
const show = (value: unknown) => (Array.isArray(value) ? `[${value.join(', ')}]` : String(value));
