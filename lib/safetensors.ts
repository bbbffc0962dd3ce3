/**
 * The safetensors format: the length of a JSON header (8 bytes, little-endian), the header, the tensors' elements.
 * The header is { name: { dtype, shape, data_offsets: [start, end] }, ..., "__metadata__": { key: text } }; offsets count from its end.
 */
import { fail, shapeText } from './error.js';
import { readBytes, writeTogether } from './file.js';
import { bytesPerElement, type Dtype, type Shape } from './shape.js';
import { arrayFor, scope, Tensor } from './tensor.js';

/** What a file holds. */
export interface Safetensors {
  tensors: Map<string, Tensor>;
  metadata: Record<string, string>;
}

const types: Record<Dtype, string> = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint64: 'U64',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  boolean: 'BOOL',
};

const lengthBytes = 8;
const longestHeader = 100_000_000; // the limit that other readers keep
const mostDimensions = 8;
const metadataKey = '__metadata__';

/** Tensors by name. */
export type NamedTensors = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

/**
 * Writes tensors as a whole file, or leaves the one that is there. Equal tensors and metadata give equal bytes.
 * @throws LowbitError 'file' where it cannot be written, otherwise as `encodeSafetensors`
 */
export function writeSafetensors(path: string, tensors: NamedTensors, metadata: Readonly<Record<string, string>> = {}): void {
  writeTogether([[path, pieces(tensors, metadata)]]);
}

/**
 * The bytes of a file.
 * @throws LowbitError 'data' for a tensor named `__metadata__`, which the format keeps for itself, 'option' for metadata that is not text
 */
export function encodeSafetensors(tensors: NamedTensors, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  return Buffer.concat(pieces(tensors, metadata));
}

/**
 * Reads a file of at most 2 GiB. The tensors are the caller's.
 * @throws LowbitError 'file' where it cannot be read, 'format' where it is damaged, or has element types or shapes that we do not have
 */
export function readSafetensors(path: string): Safetensors {
  return decodeSafetensors(readBytes(path), path);
}

/**
 * The tensors and the metadata of a file's bytes.
 * @param path of the file, for messages
 * @throws LowbitError 'format' as `readSafetensors`
 */
export function decodeSafetensors(bytes: Uint8Array, path?: string): Safetensors {
  const wrong: Wrong = (problem) => fail({ code: 'format', format: 'safetensors', path, problem });
  const { text, end } = headerOf(bytes, wrong);
  const header = parsed(text, wrong);
  const metadata = metadataOf(header[metadataKey], wrong);
  const entries = Object.entries(header).filter(([name]) => name !== metadataKey);
  const places = entries.map(([name, entry]) => placeOf(name, entry, wrong));
  checkCoverage(places, bytes.length - end, wrong);
  return scope(() => ({ tensors: new Map(places.map((place) => [place.name, tensorAt(place, bytes.subarray(end))])), metadata }));
}

// Wide elements come first, so that each tensor starts at a multiple of its element size, as the format's own writer does it.
function pieces(tensors: NamedTensors, metadata: Readonly<Record<string, string>>): Uint8Array[] {
  const named = [...(tensors instanceof Map ? tensors : Object.entries(tensors as Record<string, Tensor>))] as [string, Tensor][];
  named.sort(([a, x], [b, y]) => bytesPerElement(y.dtype) - bytesPerElement(x.dtype) || inOrder(a, b));
  const header: [string, unknown][] = [];
  const texts = checkedMetadata(metadata);
  if (texts.length > 0) header.push([metadataKey, Object.fromEntries(texts)]);
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of named) {
    if (name === metadataKey) fail({ code: 'data', where: 'safetensors', problem: `a tensor cannot be named "${metadataKey}"` });
    header.push([name, { dtype: types[dtype], shape, data_offsets: [end, end + bytes] }]);
    end += bytes;
  }
  const text = `{${header.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join()}}`;
  const length = Math.ceil(Buffer.byteLength(text) / 8) * 8;
  const start = Buffer.alloc(lengthBytes + length, ' ');
  start.writeBigUInt64LE(BigInt(length));
  start.write(text, lengthBytes);
  return [start, ...named.map(([, tensor]) => bytesOf(tensor))];
}

const inOrder = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function checkedMetadata(metadata: Readonly<Record<string, string>>): [string, string][] {
  const texts = Object.entries(metadata).sort(([a], [b]) => inOrder(a, b));
  for (const [key, came] of texts) {
    if (typeof came !== 'string') fail({ code: 'option', where: 'safetensors', option: `metadata.${key}`, came, expected: 'text' });
  }
  return texts;
}

function bytesOf(tensor: Tensor): Uint8Array {
  const data = tensor.data();
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

type Wrong = (problem: string) => never;

function headerOf(bytes: Uint8Array, wrong: Wrong): { text: string; end: number } {
  if (bytes.length < lengthBytes) return wrong(`${bytes.length} bytes are too few for the length of its header`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > longestHeader) wrong(`its header has ${length} bytes, at most ${longestHeader} are allowed`);
  const end = lengthBytes + length;
  if (end > bytes.length) wrong(`its header has ${length} bytes, but only ${bytes.length - lengthBytes} follow (it may be cut)`);
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(lengthBytes, end)), end };
  } catch {
    return wrong('its header is not UTF-8');
  }
}

function parsed(text: string, wrong: Wrong): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    return wrong(`its header is not JSON (${(error as Error).message.replace(/\s+/g, ' ').slice(0, 100)})`);
  }
  if (!isRecord(header)) return wrong('its header is not a JSON object');
  const twice = repeatedKey(text);
  return twice === undefined ? header : wrong(`${quoted(twice)} is in its header twice`);
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A key that an object of this valid JSON text has twice: JSON.parse keeps the last one and says nothing. */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') open.push(new Set());
    else if (text[at] === '}') open.pop();
    else if (text[at] === '"') {
      const start = at;
      for (at++; text[at] !== '"'; at++) if (text[at] === '\\') at++;
      let next = at + 1;
      while (' \t\r\n'.includes(text[next] ?? '}')) next++;
      if (text[next] !== ':') continue;
      const key = JSON.parse(text.slice(start, at + 1)) as string;
      if (open.at(-1)!.has(key)) return key;
      open.at(-1)!.add(key);
    }
  }
  return undefined;
}

// Names come from the file: as a message shows them they have no line breaks and an end.
const quoted = (name: string) => JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name);

const shown = (value: unknown) => (value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80));

function metadataOf(came: unknown, wrong: Wrong): Record<string, string> {
  if (came === undefined) return {};
  if (!isRecord(came)) return wrong(`${metadataKey} is not an object`);
  for (const [key, value] of Object.entries(came)) if (typeof value !== 'string') wrong(`${metadataKey}: ${quoted(key)} is not text`);
  return came as Record<string, string>;
}

/** Where a tensor lies, counted from the end of the header. */
interface Place {
  name: string;
  dtype: Dtype;
  shape: Shape;
  start: number;
  end: number;
}

function placeOf(name: string, entry: unknown, wrong: Wrong): Place {
  const bad = (problem: string) => wrong(`tensor ${quoted(name)}: ${problem}`);
  if (!isRecord(entry)) return bad('its entry is not an object');
  const { dtype: type, shape, data_offsets: offsets, ...others } = entry;
  for (const key of Object.keys(others)) bad(`its entry has an unknown key ${quoted(key)}`);
  const dtype = (Object.keys(types) as Dtype[]).find((known) => types[known] === type);
  if (!dtype) return bad(`dtype ${shown(type)}, expected one of ${Object.values(types).join(', ')}`);
  if (!isCounts(shape)) return bad(`shape ${shown(shape)}, expected a list of whole numbers from 0`);
  if (shape.length > mostDimensions) return bad(`${shape.length} dimensions, at most ${mostDimensions} are supported`);
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    return bad(`data_offsets ${shown(offsets)}, expected [start, end]`);
  }
  const [start, end] = offsets;
  const bytes = bytesFor(dtype, shape);
  if (end - start !== bytes) bad(`${end - start} bytes, expected ${bytes} for ${type}${shapeText(shape)}`);
  return { name, dtype, shape, start, end };
}

const isCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

// Products beyond what a number holds exactly fit no file: their exact value does not matter.
const bytesFor = (dtype: Dtype, shape: Shape) => shape.reduce((a, b) => a * b, bytesPerElement(dtype));

/** Every byte behind the header belongs to exactly one tensor. */
function checkCoverage(places: readonly Place[], size: number, wrong: Wrong): void {
  let covered = 0;
  for (const { name, start, end } of places.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    if (start < covered) wrong(`tensor ${quoted(name)}: it starts at byte ${start}, within another one that ends at ${covered}`);
    if (start > covered) wrong(`tensor ${quoted(name)}: it starts at byte ${start}, and bytes ${covered} to ${start - 1} belong to none`);
    if (end > size) wrong(`tensor ${quoted(name)}: it ends at byte ${end}, but the data has ${size} bytes (the file may be cut)`);
    covered = end;
  }
  if (covered < size) wrong(`${size - covered} bytes at its end belong to no tensor`);
}

// Elements may lie at any address of the file: they are copied. Booleans are bytes that are 0 or not.
function tensorAt({ dtype, shape, start, end }: Place, data: Uint8Array): Tensor {
  const elements = arrayFor(dtype, (end - start) / bytesPerElement(dtype));
  const bytes = data.subarray(start, end);
  new Uint8Array(elements.buffer).set(dtype === 'boolean' ? bytes.map((byte) => Number(byte !== 0)) : bytes);
  return Tensor.from(elements, shape, dtype);
}
