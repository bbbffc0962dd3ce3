/** Weights that lie in a file of their own beside the model. */
import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { fail } from '../error.js';
import { failOnFile } from '../file.js';
import { DataLocation, type ModelProto, onnxMessage, type TensorProto } from './schema.js';

export const isExternal = (tensor: TensorProto) => tensor.dataLocation === DataLocation.EXTERNAL;

const wrong = (tensor: TensorProto, problem: string): never =>
  fail({ code: 'format', format: 'onnx', problem: `tensor "${tensor.name}": ${problem}` });

/**
 * The bytes of a tensor whose data lies in another file.
 * @param folder the model's folder; the file must lie in it
 * @param expected how many bytes the tensor takes, where that is known
 */
export function readExternal(tensor: TensorProto, folder: string | undefined, expected?: number): Uint8Array {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get('location') ?? '';
  if (folder === undefined) wrong(tensor, `its data is in the file "${location}", but the model was not read from a folder`);
  const path =
    pathInside(folder as string, location) ?? wrong(tensor, `its data is in "${location}", expected a file in the model's folder`);
  const file = opened(path);
  try {
    const stat = fstatSync(file);
    const offset = count(entries.get('offset') ?? '0');
    const length = count(entries.get('length') ?? `${stat.size - offset}`);
    if (!stat.isFile()) wrong(tensor, `"${location}" is not a file`);
    if (!(offset + length <= stat.size)) {
      wrong(tensor, `bytes ${offset} to ${offset + length} of "${location}" are asked for, it has ${stat.size}`);
    }
    if (expected !== undefined && length !== expected) wrong(tensor, `${length} bytes in "${location}", expected ${expected}`);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const read = readSync(file, bytes, done, Math.min(length - done, 2 ** 30), offset + done);
      if (read === 0) wrong(tensor, `"${location}" became shorter while it was read`);
      done += read;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}

const count = (text: string) => (/^\d{1,15}$/.test(text) ? Number(text) : Number.NaN);

// Links are followed first: a link that leads out of the folder is refused as well.
function pathInside(folder: string, location: string): string | undefined {
  const parts = location.split(/[\\/]/);
  if (location === '' || location.includes('\0') || isAbsolute(location) || /^[a-z]:/i.test(location)) return undefined;
  if (parts[0] === '' || parts.includes('..')) return undefined;
  const path = join(folder, ...parts);
  try {
    const inside = relative(realpathSync(folder), realpathSync(path));
    return inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside) ? undefined : path;
  } catch (error) {
    return failOnFile(path, error);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    return failOnFile(path, error);
  }
}

/** A copy of the model with every tensor replaced; `field` is the name of the field it stands in. Bytes are shared. */
export function mapTensors(model: ModelProto, replace: (tensor: TensorProto, field: string) => TensorProto): ModelProto {
  const copy = <T>(value: T, field: string): T => {
    if (Array.isArray(value)) return typeof value[0] === 'object' ? (value.map((item) => copy(item, field)) as T) : value;
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
    const made = Object.create(Object.getPrototypeOf(value)); // the prototype holds the defaults of fields that are not set
    for (const [name, item] of Object.entries(value)) made[name] = copy(item, name);
    return made.$typeName === 'onnx.TensorProto' ? (replace(made, field) as T) : made;
  };
  return copy(model, '');
}

/** The model with all data inside it. */
export function embedded(model: ModelProto, folder: string | undefined): ModelProto {
  return mapTensors(model, (tensor) => {
    if (!isExternal(tensor)) return tensor;
    tensor.rawData = readExternal(tensor, folder);
    tensor.externalData = [];
    delete (tensor as Partial<TensorProto>).dataLocation;
    return tensor;
  });
}

const page = 4096; // the alignment that the format recommends, so that a reader may map the file

/** The model with its initializers from `smallest` bytes replaced by references into the file `location`, and the pieces of that file. */
export function detached(model: ModelProto, location: string, smallest: number): { model: ModelProto; pieces: Uint8Array[] } {
  const pieces: Uint8Array[] = [];
  let end = 0;
  const lean = mapTensors(model, (tensor, field) => {
    const bytes = tensor.rawData;
    if (field !== 'initializer' || bytes.length < smallest) return tensor;
    const offset = Math.ceil(end / page) * page;
    pieces.push(new Uint8Array(offset - end), bytes);
    end = offset + bytes.length;
    const entries = { location, offset: `${offset}`, length: `${bytes.length}` };
    tensor.externalData = Object.entries(entries).map(([key, value]) => onnxMessage('StringStringEntryProto', { key, value }));
    tensor.dataLocation = DataLocation.EXTERNAL;
    delete (tensor as Partial<TensorProto>).rawData;
    return tensor;
  });
  return { model: lean, pieces };
}

/** Bytes of raw data in the model. */
export function rawBytes(model: ModelProto): number {
  let bytes = 0;
  mapTensors(model, (tensor) => {
    bytes += tensor.rawData.length;
    return tensor;
  });
  return bytes;
}
