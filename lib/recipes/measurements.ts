/** A file of measurements, written anew after each of them: a run that was stopped goes on where it was. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../error.js';
import { failOnFile, readBytes, writeAtomically } from '../file.js';
import { print } from '../graph/print.js';
import { fingerprint } from '../quant/adaround/folder.js';
import type { CalibratedNetwork } from './calibrated.js';
import type { Judge } from './judge.js';

interface Content {
  fingerprint: string;
  measured: [key: string, value: unknown][];
}

export class Measurements<T> {
  private constructor(
    readonly path: string | undefined,
    readonly fingerprint: string,
    readonly known: Map<string, T>,
  ) {}

  /**
   * @param folder is made where there is none; nothing is kept without one
   * @param print what the measurements follow from, as text
   * @throws LowbitError 'file' where the file was made from something else, 'format' where it is damaged
   */
  static open<T>(folder: string | undefined, name: string, print: string): Measurements<T> {
    if (folder === undefined) return new Measurements(undefined, print, new Map());
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      failOnFile(folder, error);
    }
    const path = join(folder, name);
    return new Measurements(path, print, new Map(existsSync(path) ? (read(path, print) as [string, T][]) : []));
  }

  /** What is known under this key, or what is measured now, and kept. */
  async of(key: string, measure: () => Promise<T>): Promise<T> {
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const value = await measure();
    this.known.set(key, value);
    if (this.path !== undefined) {
      const content: Content = { fingerprint: this.fingerprint, measured: [...this.known] };
      writeAtomically(this.path, Buffer.from(`${JSON.stringify(content, asText, 1)}\n`));
    }
    return value;
  }
}

// JSON has no infinite numbers; keys and values hold no such words.
const asText = (_: string, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value);
const asNumber = (_: string, value: unknown) => (['Infinity', '-Infinity', 'NaN'].includes(value as string) ? Number(value) : value);

function read(path: string, print: string): Content['measured'] {
  const content = parsed(path);
  if (content.fingerprint !== print) {
    fail({ code: 'file', path, problem: 'this was measured with another model, other samples or settings', todo: 'Give another folder.' });
  }
  return content.measured;
}

function parsed(path: string): Content {
  const damaged = (problem: string) => fail({ code: 'format', format: 'measurements', path, problem });
  let content: Partial<Content> | null;
  try {
    content = JSON.parse(Buffer.from(readBytes(path)).toString(), asNumber);
  } catch (error) {
    return damaged((error as Error).message);
  }
  const { fingerprint, measured } = content ?? {};
  const arePairs = Array.isArray(measured) && measured.every((pair) => Array.isArray(pair) && pair.length === 2);
  return typeof fingerprint === 'string' && arePairs ? { fingerprint, measured } : damaged('measurements are missing');
}

/** What scores of forms of a network follow from: its weights, ranges and settings, what is to be quantized, the samples, and `more`. */
export function networkPrint(network: CalibratedNetwork, judge: Judge, more: object): string {
  const { graph, plan, ranges, activationBits, weights: decided, settings } = network;
  const { dataset, float } = judge;
  const samples = [dataset.description, dataset.length, Object.values(float).map(String)];
  const names = plan.nodes.map(({ name }) => name);
  const weights = [...graph.constants.values()].map((tensor) => tensor.data());
  const codes = [...(decided ?? [])].flatMap(([name, given]) => [name, given.codes, given.scales]);
  return fingerprint([print(graph), ...weights, ...codes, JSON.stringify([ranges, [...activationBits], settings, names, samples, more])]);
}
