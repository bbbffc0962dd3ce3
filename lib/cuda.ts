/** The graphics card. */
import { fail } from './error.js';
import { native } from './native.js';

export interface CudaCard {
  name: string;
  /** Compute capability: 8.0, 9.0. */
  capability: number;
  multiprocessors: number;
  /** Its memory, and what tensors have of it. */
  bytes: number;
  inUse: number;
  /** It is the CPU, which runs the same kernels slowly, to test them. */
  emulated: boolean;
}

/** The graphics card that `tensor.to('cuda')` moves to, or why there is none. */
export function cudaCard(): CudaCard | { problem: string } {
  return native().addon.cuda();
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
