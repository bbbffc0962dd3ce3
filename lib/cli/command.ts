/** How commands are written: arguments and options in, a report out; this prints it and knows the exit codes. */
import { type Command, CommanderError } from 'commander';
import { LowbitError } from '../error.js';
import { type Progress, progressLine } from './progress.js';

/** Exit codes, for scripts. */
export const exitCodes = { ok: 0, checkFailed: 1, usage: 2, fault: 3, crash: 70, interrupted: 130 } as const;

/** What a command found out. */
export interface Report {
  /** For people: lines of at most 80 characters. */
  text: string;
  /** For programs: the one object that --json prints. Its keys are stable. */
  data: object;
  /** The command worked, and what it checked is wrong. */
  failed?: boolean;
}

/** What a command's body gets besides its argument. */
export interface Job<Options> {
  options: Options;
  /** Fires on Ctrl-C. */
  signal: AbortSignal;
  /** A line that is rewritten on a terminal, nothing elsewhere; `what` says what is being done. */
  progress(what: string): Progress;
}

/** A command of the program, as commander knows it; finish it with `runs`. */
export function command(program: Command, usage: string, description: string): Command {
  return program.command(usage).description(description).option('--json', 'print one JSON object instead of text');
}

/** Makes an option obligatory. Mistakes in the others are reported first: a misspelled `--data` is not a missing one. */
export function requires(target: Command, name: string, unless = () => false): void {
  target.hook('preAction', () => {
    const missing = target.getOptionValue(name) === undefined && target.options.find((option) => option.attributeName() === name);
    if (missing && !unless()) target.error(`error: required option '${missing.flags}' not specified`);
  });
}

/** Gives the command its body; `model` is the command's argument, if it has one. */
export function runs<Options>(target: Command, body: (job: Job<Options>, model: string) => Promise<Report>): void {
  target.action(async () => {
    const options = target.opts<Options & { json?: boolean }>();
    const { json } = options;
    const controller = new AbortController();
    const stop = () => controller.abort();
    process.once('SIGINT', stop); // a second Ctrl-C ends the process as usual
    const lines: Progress[] = [];
    const progress = (what: string) => {
      const line = progressLine(what, json ? undefined : process.stderr);
      lines.push(line);
      return line;
    };
    try {
      const { text, data, failed } = await body({ options, signal: controller.signal, progress }, target.args[0]);
      for (const line of lines) line.clear();
      process.stdout.write(`${json ? JSON.stringify(data) : text}\n`);
      process.exitCode = failed ? exitCodes.checkFailed : exitCodes.ok;
    } finally {
      for (const line of lines) line.clear();
      process.off('SIGINT', stop);
    }
  });
}

/** Prints what went wrong and returns the exit code. */
export function reportError(error: unknown, json: boolean): number {
  const { code, message, exitCode } = described(error);
  if (message === '') return exitCode; // help and version end commander's run as errors, and are printed already
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
  else process.stderr.write(`error: ${message}\n`);
  return exitCode;
}

function described(error: unknown): { code: string; message: string; exitCode: number } {
  if (error instanceof CommanderError) {
    const printed = error.exitCode === 0 || error.code === 'commander.help';
    return {
      code: 'usage',
      message: printed ? '' : error.message.replace(/^error: /, ''),
      exitCode: error.exitCode === 0 ? exitCodes.ok : exitCodes.usage,
    };
  }
  if (error instanceof LowbitError) {
    const { code, fault } = error;
    const message = fault.code === 'aborted' ? `${fault.what} was stopped with Ctrl-C.` : error.message; // no other signal comes here
    return { code, message, exitCode: exitCodeOf(error) };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'crash', message: `lowbit crashed, please report this: ${text}`, exitCode: exitCodes.crash };
}

function exitCodeOf({ code }: LowbitError): number {
  switch (code) {
    case 'option':
    case 'unknownOption':
      return exitCodes.usage;
    case 'aborted':
      return exitCodes.interrupted;
    case 'internal':
      return exitCodes.crash;
    default:
      return exitCodes.fault;
  }
}
