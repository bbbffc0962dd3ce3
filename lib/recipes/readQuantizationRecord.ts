/** Records that `lowbit report` and `lowbit quantize --report` left beside their pages. */
import { fail } from '../error.js';
import { readBytes } from '../file.js';
import type { QuantizationRecord } from '../report/quantizationRecord.js';

/**
 * The record in a .json file.
 * @throws LowbitError 'file', 'format' that names the first field that is wrong
 */
export async function readQuantizationRecord(path: string): Promise<QuantizationRecord> {
  const { recordSchema } = await import('./recordSchema.js');
  const wrong = (problem: string) => fail({ code: 'format', format: 'report', path, problem });
  const { success, data, error } = recordSchema.safeParse(parsed(readBytes(path), wrong));
  if (success) return data;
  const [{ path: keys, message }] = error.issues;
  return wrong(`${keys.join('.') || 'its content'} is not ${message}`);
}

function parsed(bytes: Uint8Array, wrong: (problem: string) => never): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    return wrong(`it is not JSON: ${(error as Error).message}`);
  }
}
