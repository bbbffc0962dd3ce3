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

let problem: string | undefined | null = null;

/** @throws LowbitError 'cuda' where there is no graphics card that can be used */
export function requireCuda(): void {
  if (problem === null) {
    const card = cudaCard();
    problem = 'problem' in card ? card.problem : undefined;
  }
  if (problem !== undefined) fail({ code: 'cuda', problem });
}
