/** The folder beside a model that its golden files lie in: it appears whole, and takes the place of an older one. */
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { writeNpy } from '../data/npy.js';
import { fail } from '../error.js';
import { failOnFile, writeAtomically } from '../file.js';
import { packageRoot } from '../native.js';
import type { Tensor } from '../tensor.js';

const manifest = 'golden.json';

export class GoldenFolder {
  readonly path: string;
  readonly #staged: string;

  /** @throws LowbitError 'file' where something else is there already, or nothing can be written */
  constructor(model: string) {
    this.path = `${model.replace(/\.onnx$/, '')}.golden`;
    if (existsSync(this.path) && !existsSync(join(this.path, manifest))) {
      fail({ code: 'file', path: this.path, problem: `this is there already, and has no ${manifest}`, todo: 'Move it away first.' });
    }
    this.#staged = this.#besides();
    try {
      mkdirSync(this.#staged);
    } catch (error) {
      failOnFile(this.path, error);
    }
  }

  /** Writes tensors as .npy files; returns the files by name. */
  save(prefix: string, tensors: Readonly<Record<string, Tensor>>): Record<string, string> {
    const files = Object.entries(tensors).map(([name, tensor], i) => {
      const file = `${prefix}.${i}.npy`;
      writeNpy(join(this.#staged, file), { dtype: tensor.dtype, shape: tensor.shape, data: tensor.data() });
      return [name, file];
    });
    return Object.fromEntries(files);
  }

  /** Adds what says what is what, and the script, and moves all of it into place. */
  finish(said: object): void {
    writeAtomically(join(this.#staged, manifest), Buffer.from(`${JSON.stringify(said, undefined, 2)}\n`));
    copyFileSync(join(packageRoot(), 'bin', 'golden-check.mjs'), join(this.#staged, 'check.mjs'));
    const old = this.#besides();
    if (existsSync(this.path)) renameSync(this.path, old);
    renameSync(this.#staged, this.path);
    rmSync(old, { recursive: true, force: true });
  }

  /** Leaves everything as it was. */
  abandon(): void {
    rmSync(this.#staged, { recursive: true, force: true });
  }

  #besides(): string {
    return join(dirname(this.path), `.${basename(this.path)}.${randomBytes(6).toString('hex')}`);
  }
}
