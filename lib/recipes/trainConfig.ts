/** The configuration of a training run: YAML in, every option with its value out. The packages that it takes are loaded when it is read. */
import { basename, dirname, extname, resolve } from 'node:path';
import type { TrainSchema } from './trainSchema.js';

/** Everything that a run depends on. Paths are absolute. */
export type TrainConfig = TrainSchema & { output: string };

/**
 * Reads a configuration. Fields are described in trainSchema.ts.
 * @param content YAML
 * @param path of its file: paths in it are relative to its folder, messages name it
 * @throws LowbitError 'data' that lists every mistake with line, column, what came and what is expected
 */
export async function resolveConfig(content: string, path: string): Promise<TrainConfig> {
  const { readConfig } = await import('./configFile.js');
  const { trainSchema } = await import('./trainSchema.js');
  return placed(readConfig(content, path, trainSchema), path);
}

/** A configuration whose paths and seeds are those of its file. */
export function placed<C extends Pick<TrainSchema, 'model' | 'data' | 'seed' | 'output'>>(config: C, path: string): C & { output: string } {
  const folder = dirname(path);
  const { model, data, output = `runs/${basename(path, extname(path))}` } = config;
  const from = (given: string) => resolve(folder, given);
  const samples = <S extends { source: string; labels: string | null }>(set: S): S => ({
    ...set,
    source: set.source.replace(/^(?!digits:)([^:]*:)([\s\S]*)/, (_, kind, place) => kind + from(place)),
    labels: set.labels && from(set.labels),
  });
  return {
    ...config,
    model: model.name === 'onnx' ? { ...model, path: from(model.path) } : { ...model, seed: model.seed ?? config.seed },
    data: { ...data, train: samples(data.train), validation: data.validation && samples(data.validation) },
    output: from(output),
  };
}

/** The configuration as YAML that `resolveConfig` reads as the same one, wherever it lies. */
export async function printConfig(config: object): Promise<string> {
  const { writeConfig } = await import('./configFile.js');
  return writeConfig(config);
}
