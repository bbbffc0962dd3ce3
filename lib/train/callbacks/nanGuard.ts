import { fail } from '../../error.js';
import type { Callback, NonFinite } from '../callback.js';

export interface NanGuardOptions {
  /** How many such steps in a row may be left out, default 5. */
  patience?: number;
  /** Sees each step that is left out. */
  onSkipped?: (report: NonFinite) => void;
}

/**
 * Leaves out steps whose loss or gradient is infinite or undefined instead of ending the run: parameters, optimizer and running statistics
 * stay as they were before. Too many in a row end the run with an error that names the step and the layer where it began.
 */
export function nanGuard({ patience = 5, onSkipped }: NanGuardOptions = {}): Callback {
  if (!(patience >= 0)) fail({ code: 'option', where: 'nanGuard', option: 'patience', came: patience, expected: 'a number from 0' });
  let inARow = 0;
  return {
    name: 'nanGuard',
    late: true,
    onStep() {
      inARow = 0;
    },
    onNonFinite(_run, report) {
      if (++inARow > patience) return 'stop';
      onSkipped?.(report);
      return 'skip';
    },
    state: () => inARow,
    restore(state) {
      inARow = state as number;
    },
  };
}
