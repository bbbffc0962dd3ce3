/** Modules of modules. */
import { add } from '../../ops/elementwise.js';
import type { Tensor } from '../../tensor.js';
import { Module } from '../module.js';

/** Modules one after the other; their names are their numbers. */
export class Sequential extends Module {
  readonly #modules: readonly Module[];

  constructor(...modules: Module[]) {
    super();
    this.#modules = modules;
  }

  protected override children(): [string, Module][] {
    return this.#modules.map((module, i) => [String(i), module]);
  }

  forward(x: Tensor): Tensor {
    return this.#modules.reduce((value, module) => module.forward(value), x);
  }
}

/** body(x) + x, or body(x) + shortcut(x) where the body changes the shape. */
export class Residual extends Module {
  constructor(
    readonly body: Module,
    readonly shortcut?: Module,
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return add(this.body.forward(x), this.shortcut ? this.shortcut.forward(x) : x);
  }
}
