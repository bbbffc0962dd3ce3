/** A graphics card for tests, or its emulation. */
import anyTest, { type ExecutionContext } from 'ava';
import { type AnyOp, cudaCard, rowsOf } from 'lowbit';

const found = cudaCard();

/** The card, where there is one. */
export const card = 'problem' in found ? undefined : found;

/** A test of ops on the card; skipped where there is none, or it lacks kernels for some of them. */
export function onCard(title: string, ops: readonly AnyOp[], body: (t: ExecutionContext) => void | Promise<void>): void {
  const missing = ops.filter((op) => !rowsOf(op, 'cuda').length).map(({ name }) => name);
  const reason = 'problem' in found ? found.problem : missing.length ? `no kernels for ${missing.join(', ')}` : undefined;
  if (reason) anyTest.skip(`${title} (skipped: ${reason})`, body);
  else anyTest.serial(title, body);
}
