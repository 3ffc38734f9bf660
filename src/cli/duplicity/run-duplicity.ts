import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';

import { AppError, hasCode, messageOf } from '../../base/errors.ts';
import type { CliContext } from '../context.ts';
import type { ActionName } from './action-table.ts';
import { DuplicityLog, type MachineSink } from './duplicity-log.ts';
import { exitCodeOf, exitCodes, fatal, hintOf } from './fatal.ts';
import { chooseAction, type DuplicityLine, parseCommandLine } from './parse-command-line.ts';
import type { DuplicityRun } from './run-settings.ts';
import { requireSignKey } from './sign-key.ts';
import { parseTime } from './time-text.ts';
import { parseVerbosity } from './verbosity.ts';

/** The release whose behaviour this is. */
const release = '0.8.22';

type ActionModule = { readonly run: (given: DuplicityRun) => Promise<number> };

/** Each is loaded when it is wanted. */
const loaders: Readonly<Record<ActionName, () => Promise<ActionModule>>> = {
  backup: () => import('./actions/backup.ts'),
  full: () => import('./actions/backup.ts'),
  incremental: () => import('./actions/backup.ts'),
  restore: () => import('./actions/restore.ts'),
  verify: () => import('./actions/verify.ts'),
  'collection-status': () => import('./actions/collection-status.ts'),
  'list-current-files': () => import('./actions/list-current-files.ts'),
  'remove-older-than': () => import('./actions/removal.ts'),
  'remove-all-but-n-full': () => import('./actions/removal.ts'),
  'remove-all-inc-of-but-n-full': () => import('./actions/removal.ts'),
  cleanup: () => import('./actions/removal.ts'),
  replicate: () => import('./actions/replicate.ts'),
};

/**
 * Runs a command line of duplicity's (without the name of the program) and resolves with the exit code that duplicity would end with. Never rejects.
 *
 * @param program - how it was called, for the help: `duplicity` or `holdfast duplicity`
 */
export async function runDuplicity(
  argv: readonly string[],
  context: CliContext,
  program = 'duplicity',
): Promise<number> {
  using log = new DuplicityLog(context);
  try {
    const status = await runLine(argv, context, log, program);
    await log.flush();
    return status;
  } catch (error) {
    const status = tellError(error, context, log);
    // What cannot be written cannot be told either.
    await log.flush().catch(() => undefined);
    return status;
  }
}

async function runLine(
  argv: readonly string[],
  context: CliContext,
  log: DuplicityLog,
  program: string,
): Promise<number> {
  if (context.environment['PYTHONOPTIMIZE'] !== undefined) {
    throw fatal(exitCodes.pythonOptimize, PYTHON_OPTIMIZE);
  }
  const line = parseCommandLine(argv);
  const { options } = line;
  if (options.has('help')) {
    const { helpText } = await import('./help-text.ts');
    await print(helpText(program), context);
    return 0;
  }
  if (options.has('version')) {
    // Scripts look for "duplicity" and a number.
    await print(`duplicity ${release} compatible (Holdfast ${context.version})`, context);
    return 0;
  }
  configure(log, line, context);
  if (options.has('ignore-errors')) {
    log.warning(
      "Running in 'ignore errors' mode due to --ignore-errors; please re-consider if this was not intended",
    );
  }
  requireSignKey(options);
  const action = chooseAction(line.words);
  for (const name of ['old-filenames', 'short-filenames', 'time-separator']) {
    if (!options.has(name)) continue;
    log.error(
      `Warning: Option --${name} is pending deprecation and will be removed in version 0.9.0.\nUse of default filenames is strongly suggested.`,
    );
  }
  for (const warning of line.deprecations) log.error(warning);
  for (const remark of line.remarks) log.info(`Warning: ${remark}`);
  const time = options.number('current-time');
  const now = time ?? Math.floor(context.clock.now() / 1000);
  // What makes no sense is said before anything is opened.
  for (const name of ['restore-time', 'full-if-older-than']) {
    const text = options.text(name);
    if (text !== undefined) parseTime(text, now, context.timeZone);
  }
  if (action.name === 'remove-older-than') parseTime(action.arguments[0]!, now, context.timeZone);
  const shortNames: Readonly<Record<string, string>> = { incremental: 'inc', backup: 'inc' };
  log.info(`Main action: ${shortNames[action.name] ?? action.name}`);
  const { run } = await loaders[action.name]();
  return run({ context, log, line, action, now });
}

/** In the words of the original, which does not work with it; whoever starts both is to be told the same by both. */
const PYTHON_OPTIMIZE = `
PYTHONOPTIMIZE in the environment causes duplicity to fail to
recognize its own backups.  Please remove PYTHONOPTIMIZE from
the environment and rerun the backup.

See https://bugs.launchpad.net/duplicity/+bug/931175
`;

function configure(log: DuplicityLog, { options }: DuplicityLine, context: CliContext): void {
  const verbosity = options.text('verbosity');
  if (verbosity !== undefined) log.verbosity = parseVerbosity(verbosity);
  log.timestamps = options.has('log-timestamp');
  for (const text of options.list('log-fd')) {
    const descriptor = Number(text);
    log.addMachine(
      machineSink(`file descriptor ${text}`, () => {
        fstatSync(descriptor);
        return descriptor;
      }),
    );
  }
  for (const name of options.list('log-file')) {
    const file = path.resolve(context.workingDirectory, name);
    log.addMachine(machineSink(name, () => openSync(file, 'a'), true));
  }
}

/** A log that cannot be written any more does not end the backup; one that cannot be opened does, at the start. */
function machineSink(name: string, open: () => number, isOwn = false): MachineSink {
  let descriptor: number | undefined;
  try {
    descriptor = open();
  } catch (cause) {
    throw fatal(exitCodes.exception, `Cannot write the log to ${name}: ${messageOf(cause)}`, {
      cause,
    });
  }
  return {
    write(bytes) {
      if (descriptor === undefined) return;
      try {
        let at = 0;
        while (at < bytes.length) at += writeSync(descriptor, bytes, at);
      } catch {
        // Its reader has gone.
        this.close();
      }
    },
    close() {
      if (isOwn && descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

async function print(text: string, { stdout }: CliContext): Promise<void> {
  const { StreamWriter } = await import('../output/stream-writer.ts');
  const writer = new StreamWriter(stdout);
  writer.write(`${text}\n`);
  await writer.flush();
}

/** Says what went wrong, in both logs; gives the exit code. */
function tellError(thrown: unknown, { signal }: CliContext, log: DuplicityLog): number {
  const isStopped = signal.aborted && !(hasCode(thrown) && thrown.code !== 'interrupted');
  const error = isStopped && signal.reason instanceof AppError ? signal.reason : thrown;
  const { exit, extra } = exitCodeOf(error);
  log.error(textOf(error, exit), { code: exit, ...(extra !== undefined && { extra }) });
  return exit;
}

function textOf(error: unknown, exit: number): string {
  if (hasCode(error, 'interrupted')) return 'INT intercepted...exiting.';
  if (!hasCode(error)) return `Traceback: ${error instanceof Error ? error.stack : String(error)}`;
  const said = hintOf(error);
  const hint = said === undefined ? '' : `\n${said}`;
  if (exit === exitCodes.volumeMismatch) {
    const { volume, mismatch, found, expected } = error.details;
    return `Invalid data - ${String(mismatch)} hash mismatch for file:\n ${String(volume)}\n Calculated hash: ${String(found)}\n Manifest hash: ${String(expected)}\n`;
  }
  if (exit === exitCodes.gpgFailed) {
    return `GPGError: GPG Failed, see log below:\n===== Begin GnuPG log =====\n${error.message}${hint}\n===== End GnuPG log =====\n`;
  }
  return `${error.message}${hint}`;
}
