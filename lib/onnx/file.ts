/** ONNX files: read, checked for what every model has, and written as a whole. */
import { basename, dirname } from 'node:path';
import { checkOptions, fail } from '../error.js';
import { readBytes, writeTogether } from '../file.js';
import { detached, embedded, rawBytes } from './external.js';
import { decode, encode, type ModelProto } from './schema.js';

/** A model as it stands in its file. */
export interface OnnxModel {
  proto: ModelProto;
  /** Where it was read from, for messages. */
  path?: string;
  /** The folder that the locations of external data refer to. */
  folder?: string;
}

// The largest message that protobuf readers take. Models close to it keep their weights in a second file.
const messageLimit = 2 ** 31 - 1;
const embeddedLimit = messageLimit - 2 ** 26;
const smallestDetached = 1024; // bytes: initializers below it always stay in the model

/**
 * Reads an ONNX model from a file or from bytes. Weights in external files are read later, one by one (`tensorFromProto`).
 * @throws LowbitError 'file' where the file cannot be read, 'format' where it is not an ONNX model
 */
export function readModel(source: string | Uint8Array): OnnxModel {
  if (typeof source !== 'string') return { proto: modelFrom(source) };
  return { proto: modelFrom(readBytes(source), source), path: source, folder: dirname(source) };
}

function modelFrom(bytes: Uint8Array, path?: string): ModelProto {
  let model: ModelProto;
  try {
    model = decode('ModelProto', bytes);
  } catch (error) {
    const problem = `it is cut, damaged or something else (${(error as Error).message})`;
    return fail({ code: 'format', format: 'onnx', path, problem });
  }
  const problem = bytes.length === 0 ? 'it is empty' : missingPart(model);
  if (problem) fail({ code: 'format', format: 'onnx', path, problem });
  return model;
}

// What every model has; most foreign and damaged files that happen to decode fail here.
function missingPart({ irVersion, graph, opsetImport }: ModelProto): string | undefined {
  if (irVersion < 1n) return 'it has no IR version';
  if (!graph) return 'it has no graph';
  if (graph.output.length === 0) return 'its graph has no output';
  if (irVersion >= 3n && opsetImport.length === 0) return 'it does not say which opset it uses (the file may be cut)';
  const untyped = graph.node.findIndex((node) => node.opType === '');
  if (untyped >= 0) return `node ${untyped} of its graph has no op type`;
  const unnamed = graph.initializer.findIndex((tensor) => tensor.name === '');
  if (unnamed >= 0) return `initializer ${unnamed} of its graph has no name`;
  return undefined;
}

/** The model's bytes; references to external data stay what they are. Throws LowbitError 'format' where a field holds the wrong type. */
export function encodeModel(model: OnnxModel): Uint8Array {
  return encoded(model.proto);
}

function encoded(proto: ModelProto, path?: string): Uint8Array {
  try {
    return encode('ModelProto', proto);
  } catch (error) {
    return fail({ code: 'format', format: 'onnx', path, problem: `it cannot be encoded (${(error as Error).message})` });
  }
}

/**
 * Writes a model. All of it is on disk before the old file is replaced.
 * @param options externalData puts initializers of 1024 bytes and more into `<path>.data`; the default is to do so only where the model
 *   would exceed the 2 GiB that protobuf allows
 * @throws LowbitError 'file' where the file cannot be written, 'format' where the model is larger than the format allows
 */
export function writeModel(path: string, model: OnnxModel, options: { externalData?: boolean } = {}): void {
  checkOptions('writeModel', options, ['externalData']);
  const whole = embedded(model.proto, model.folder);
  const tooLarge = rawBytes(whole) > embeddedLimit;
  if (tooLarge && options.externalData === false) {
    fail({ code: 'format', format: 'onnx', path, problem: 'it would be larger than 2 GiB', todo: 'Write it with externalData.' });
  }
  const limit = (options.externalData ?? tooLarge) ? smallestDetached : Number.POSITIVE_INFINITY;
  const { model: lean, pieces } = detached(whole, `${basename(path)}.data`, limit);
  const data = pieces.length > 0 ? [[`${path}.data`, pieces] as const] : [];
  writeTogether([...data, [path, [encoded(lean, path)]]]);
}
