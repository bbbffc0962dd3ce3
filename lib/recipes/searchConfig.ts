/** The configuration of a search: YAML or plain values in, every option with its value out. */
import { fail } from '../error.js';
import type { WeightBits } from '../quant/slb/grid.js';
import { type SlbOptions, type SlbSettings, slbPresets, slbSettings } from '../quant/slb/options.js';
import type { SearchSchema } from './searchSchema.js';
import { placed } from './trainConfig.js';

/** Everything that a search depends on. Paths are absolute. */
export type SearchConfig = Omit<SearchSchema, 'search' | 'distillation'> & {
  search: Omit<SlbSettings, 'weightBits' | 'epochs'> & { preset: SearchSchema['search']['preset']; weightBits: WeightBits[] };
  distillation: NonNullable<SearchSchema['distillation']> | null;
  output: string;
};

/**
 * Reads the configuration of a search. Fields are described in searchSchema.ts.
 * @param content YAML
 * @param path of its file: paths in it are relative to its folder, messages name it
 * @throws LowbitError 'data' that lists every mistake with line, column, what came and what is expected; 'option' where options of the
 *   search do not go together
 */
export async function resolveSearchConfig(content: string, path: string): Promise<SearchConfig> {
  const { readConfig } = await import('./configFile.js');
  const { searchSchema } = await import('./searchSchema.js');
  return completed(readConfig(content, path, searchSchema), path);
}

/**
 * The configuration that plain values describe, as YAML would.
 * @param where they come from, for messages; paths are relative to the working directory
 * @throws LowbitError as `resolveSearchConfig`
 */
export async function searchConfigOf(values: object, where: string): Promise<SearchConfig> {
  const { checkConfig } = await import('./configFile.js');
  const { searchSchema } = await import('./searchSchema.js');
  return completed(checkConfig(values, where, searchSchema), './search.yaml');
}

/** Fills in what depends on other fields: presets, what a float model makes possible, the seed. */
function completed(config: SearchSchema, path: string): SearchConfig {
  const { preset, ...given } = config.search;
  const base: Partial<SlbOptions> = preset ? slbPresets[preset] : {};
  const pretrained = config.model.name === 'onnx';
  const { distillation = pretrained ? { temperature: 2, weight: 1 } : null } = config;
  if (distillation && !pretrained) {
    const because = `${config.model.name} has nothing to teach before it has learned`;
    fail({ code: 'option', where: path, option: 'distillation', came: distillation, expected: 'null', because });
  }
  const weightBits = given.weightBits ?? [base.weightBits ?? 1];
  const all = weightBits.map((bits) =>
    slbSettings({
      init: pretrained ? 'pretrained' : 'random',
      seed: config.seed,
      ...base,
      ...given,
      temperature: { ...base.temperature, ...given.temperature },
      activation: { ...base.activation, ...given.activation },
      weightBits: bits,
      epochs: config.epochs,
    }),
  );
  const { weightBits: _bits, epochs: _epochs, ...settings } = all[0];
  return { ...placed(config, path), search: { preset, ...settings, weightBits }, distillation };
}

/** The options of `slb` for one search of the list. */
export function slbOptionsOf({ search: { preset: _preset, ...settings }, epochs }: SearchConfig, weightBits: WeightBits): SlbOptions {
  return { ...settings, weightBits, epochs };
}

/** What may differ when searches go on: what does not touch their numbers. */
const free = ['output', 'device', 'threads', 'checkpoint', 'search.weightBits'];

/**
 * Refuses to go on with searches that began with other options; bits may be added to the list.
 * @throws LowbitError 'option' that names the first one
 */
export function checkSameSearch(now: SearchConfig, saved: SearchConfig, where: string): void {
  for (const [option, came] of fieldsOf(now)) {
    const expected = option.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown> | null)?.[name], saved);
    const isFree = free.some((name) => option === name || option.startsWith(`${name}.`));
    if (isFree || JSON.stringify(came) === JSON.stringify(expected)) continue;
    const because = `the searches in ${where} began with that`;
    fail({ code: 'option', where: 'search', option, came, expected: JSON.stringify(expected) ?? 'to be left out', because });
  }
}

/** Everything that is no group, by its name with dots. */
function fieldsOf(group: object, prefix = ''): [string, unknown][] {
  return Object.entries(group).flatMap(([name, value]): [string, unknown][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? fieldsOf(value, `${prefix}${name}.`)
      : [[`${prefix}${name}`, value]],
  );
}
