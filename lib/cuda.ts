/** The graphics card. */
import { fail } from './error.js';
import { type CudaCard, native } from './native.js';
import { type Device, devices } from './shape.js';

export type { CudaCard };

/** The graphics card that `tensor.to('cuda')` moves to, or why there is none. */
export function cudaCard(): CudaCard | { problem: string } {
  return native().addon.cuda();
}

/**
 * Refuses what is no device of this machine.
 * @param where the option stands
 * @throws LowbitError 'option' or 'cuda'
 */
export function checkDevice(where: string, device: Device): void {
  if (!devices.includes(device)) fail({ code: 'option', where, option: 'device', came: device, expected: devices.join(' or ') });
  if (device === 'cuda') requireCuda();
}

let capability: number | undefined;

/** Whether the graphics card has what a row of the op table needs; false where there is none. Looks for it when it is first asked. */
export function runsOnCard(needs: string): boolean {
  if (capability === undefined) {
    const card = cudaCard();
    capability = 'problem' in card ? 0 : card.capability;
  }
  return needs === 'sm90a' ? capability === 9 : capability >= 8;
}

let problem: string | undefined | null = null;

/** @throws LowbitError 'cuda' where there is no graphics card that can be used */
export function requireCuda(): void {
  if (problem === null) {
    const card = cudaCard();
    problem = 'problem' in card ? card.problem : undefined;
  }
  if (problem !== undefined) fail({ code: 'cuda', problem });
}

/** What the factors of float32 products may be rounded to on a graphics card, in the order of native/cuda/api.h. */
export const cudaPrecisions = ['float32', 'tf32', 'bf16'] as const;
export type CudaPrecision = (typeof cudaPrecisions)[number];

/**
 * How the graphics card multiplies matrices and convolves float32, in the whole process; give a precision to change it.
 *
 * - 'float32', as it is at first: the results have the bytes of the CPU's.
 * - 'tf32', 'bf16': tensor cores multiply, many times faster. Factors are rounded to 11 or 8 bits, each product is then off by at most
 *   2^-10 or 2^-7 of itself; sums are float32, and what is stored stays float32. Results are the same from run to run.
 *
 * Set it before the work begins: what has been submitted is waited for, what waits inside `offThread` takes the new one.
 *
 * @throws LowbitError 'option' for another word, 'cuda' where there is no graphics card that can be used
 */
export function cudaPrecision(precision?: CudaPrecision): CudaPrecision {
  const { addon } = native();
  if (precision === undefined) return cudaPrecisions[addon.cudaPrecision()];
  const index = cudaPrecisions.indexOf(precision);
  if (index < 0) {
    fail({ code: 'option', where: 'cudaPrecision', option: 'precision', came: precision, expected: `one of ${cudaPrecisions.join(', ')}` });
  }
  requireCuda();
  addon.settle();
  return cudaPrecisions[addon.cudaPrecision(index)];
}

/**
 * Refuses a precision that is none, or that the device has not.
 * @param where the option stands
 * @throws LowbitError 'option'
 */
export function checkPrecision(where: string, precision: CudaPrecision | undefined, device: Device): void {
  const refuse = (expected: string, because?: string) =>
    fail({ code: 'option', where, option: 'precision', came: precision, expected, because });
  if (precision === undefined) return;
  if (!cudaPrecisions.includes(precision)) refuse(`one of ${cudaPrecisions.join(', ')}`);
  if (device === 'cpu' && precision !== 'float32') refuse('float32', 'the device is cpu');
}

/** What the process has while runs ask for a precision, and what it had before. */
let asked: { precision: CudaPrecision; before: CudaPrecision; runs: number } | undefined;

/**
 * Does something while the graphics card has a precision, and gives it back the one before. It is the whole process's, so runs at the same
 * time have the same one.
 * @param precision default: the one that is set where no run asks for one
 * @throws LowbitError 'option' where a run that is under way has another one
 */
export async function withPrecision<T>(where: string, precision: CudaPrecision | undefined, body: () => Promise<T>): Promise<T> {
  const wanted = precision ?? asked?.before ?? cudaPrecision();
  if (asked && asked.precision !== wanted) {
    const because = 'a run that is under way has set it for the process';
    fail({ code: 'option', where, option: 'precision', came: wanted, expected: asked.precision, because });
  }
  asked ??= { precision: wanted, before: cudaPrecision(), runs: 0 };
  asked.runs++;
  try {
    if (asked.runs === 1) cudaPrecision(wanted);
    return await body();
  } finally {
    if (--asked.runs === 0) {
      cudaPrecision(asked.before);
      asked = undefined;
    }
  }
}
