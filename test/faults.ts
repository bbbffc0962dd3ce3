import type { ExecutionContext } from 'ava';
import { type FaultCode, LowbitError } from 'lowbit';

/** Asserts that the call fails with this code and a message that matches. */
export function faults(t: ExecutionContext, body: () => unknown, code: FaultCode, message: RegExp): void {
  const error = t.throws(body, { instanceOf: LowbitError, message });
  t.is(error.code, code);
}

export async function faultsLater(t: ExecutionContext, body: () => Promise<unknown>, code: FaultCode, message: RegExp): Promise<void> {
  const error = await t.throwsAsync(body, { instanceOf: LowbitError, message });
  t.is(error.code, code);
}
