/** The command line: `lowbit COMMAND ...`. */
import { Command } from 'commander';
import { version } from '../onnx/exportOnnx.js';
import { addBench } from './bench.js';
import { addBuild } from './build.js';
import { addCheck } from './check.js';
import { exitCodes, reportError } from './command.js';
import { addCompare } from './compare.js';
import { addDemo } from './demo.js';
import { addDoctor } from './doctor.js';
import { addEval } from './eval.js';
import { addInspect } from './inspect.js';
import { addQuantize } from './quantize.js';
import { addReport } from './report.js';
import { addSearch } from './search.js';
import { addSensitivity } from './sensitivity.js';
import { addTrain } from './train.js';
import { addVerify } from './verify.js';

const afterHelp = `
Exit codes: 0 done, 1 a check failed, 2 a mistake in the command, 3 a file,
model or data set that cannot be used, 130 stopped with Ctrl-C.`;

/**
 * Runs one command.
 * @param args what stands after the program's name
 * @returns the exit code
 */
export async function main(args: readonly string[]): Promise<number> {
  process.stdout.on('error', quietPipe);
  try {
    await program().parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return reportError(error, args.includes('--json'));
  }
}

// Whoever reads our output may stop early, as head does.
function quietPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  throw error;
}

function program(): Command {
  const root = new Command('lowbit')
    .description('Trains and quantizes neural networks: ONNX in, verified int8 or low-bit ONNX out.')
    .version(version())
    .addHelpText('after', afterHelp)
    .exitOverride()
    .configureOutput({ outputError() {} }); // errors are printed in one place, reportError
  for (const add of [
    addInspect,
    addTrain,
    addSearch,
    addQuantize,
    addSensitivity,
    addEval,
    addVerify,
    addCheck,
    addCompare,
    addReport,
    addBench,
    addDoctor,
    addBuild,
    addDemo,
  ])
    add(root);
  return root;
}
