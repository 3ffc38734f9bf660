import { AppError, exitStatusOf, messageOf } from '../base/errors.ts';
import type { CommandModule } from './bindings.ts';
import type { CommandDefinition } from './command.ts';
import type { CliContext } from './context.ts';
import type { Output } from './output/output.ts';
import type { ParsedLine } from './parse.ts';

/** Where commands are found; tests give their own. */
export interface CommandSet {
  readonly definitions: readonly CommandDefinition[];
  readonly bindings: Readonly<Record<string, () => Promise<CommandModule>>>;
}

async function ownCommands(): Promise<CommandSet> {
  const [{ bindings }, { commandTable }] = await Promise.all([
    import('./bindings.ts'),
    import('./command-table.ts'),
  ]);
  return { bindings, definitions: commandTable };
}

/**
 * Runs a command line (without the name of the program) and resolves with the exit status. Never rejects: an error becomes a sentence
 * and a hint on standard error, or with `--json` one object of the type `error`; `--debug` adds the stack.
 */
export async function runCommandLine(
  words: readonly string[],
  context: CliContext,
  given?: CommandSet,
): Promise<number> {
  const argv = words[0] === 'help' ? [...words.slice(1), '--help'] : words;
  try {
    // The commonest question of scripts is answered before anything else is loaded.
    if (argv.length === 1 && argv[0] === '--version') return await printVersion(false, context);
    // It has a command line of its own.
    if (argv[0] === 'duplicity' && given === undefined) {
      const { runDuplicity } = await import('./duplicity/run-duplicity.ts');
      return await runDuplicity(argv.slice(1), context, 'holdfast duplicity');
    }
    if (argv[0] === 'image' && given === undefined) {
      const { runImage } = await import('./image/run-image.ts');
      return await runImage(argv.slice(1), context);
    }
    if (isNagiosPlugin(argv) && given === undefined) {
      const { runNagios } = await import('./run-nagios.ts');
      return await runNagios(argv, context);
    }
    const [{ parseLine }, commands] = await Promise.all([
      import('./parse.ts'),
      given ?? ownCommands(),
    ]);
    const line = parseLine(argv, commands.definitions);
    if (isGiven(line, 'version')) return await printVersion(isGiven(line, 'json'), context);
    if (isGiven(line, 'help') || argv.length === 0)
      return await printHelp(argv, line, context, commands);
    if (line.command === undefined) {
      throw new AppError('input/usage', 'The command is missing', {
        hint: '"holdfast --help" lists the commands',
      });
    }
    return await runCommand(line.command, line, context, commands);
  } catch (error) {
    return await tellError(error, argv, context);
  }
}

async function runCommand(
  command: CommandDefinition,
  line: ParsedLine,
  context: CliContext,
  commands: CommandSet,
): Promise<number> {
  const [{ resolveInput }, { createSession }] = await Promise.all([
    import('./resolve.ts'),
    import('./session.ts'),
  ]);
  const input = await resolveInput(command, line, context);
  const load = commands.bindings[command.name];
  if (load === undefined) throw new AppError('internal', `"${command.name}" cannot be run yet`);
  const flags = input.flags as Parameters<typeof createSession>[1];
  const output = await openOutput(flags, context);
  try {
    const { run } = await load();
    // `resolveInput` has made the input from the very definition that `run` was written for.
    const status = await run(input as never, createSession(context, flags, output));
    output.close();
    await output.flush();
    return status;
  } finally {
    output.close();
  }
}

async function openOutput(
  flags: {
    readonly json: boolean;
    readonly quiet: boolean;
    readonly verbose: boolean;
    readonly 'no-progress': boolean;
  },
  context: CliContext,
): Promise<Output> {
  const { json, quiet, verbose, 'no-progress': noProgress } = flags;
  const settings = { quiet, verbose, progress: !noProgress };
  if (json) return (await import('./output/json-output.ts')).jsonOutput(context, settings);
  return (await import('./output/text-output.ts')).textOutput(context, settings);
}

/** Its errors are verdicts, too. */
const isNagiosPlugin = (argv: readonly string[]): boolean =>
  argv[0] === 'monitor' && argv[1] === 'nagios' && !argv.includes('--help') && !argv.includes('-h');

const isGiven = (line: ParsedLine, name: string): boolean =>
  line.given.some((flag) => flag.name === name);

async function printVersion(json: boolean, context: CliContext): Promise<number> {
  const { version } = context;
  await print(json ? JSON.stringify({ type: 'version', version }) : `holdfast ${version}`, context);
  return 0;
}

async function printHelp(
  argv: readonly string[],
  line: ParsedLine,
  context: CliContext,
  { definitions }: CommandSet,
): Promise<number> {
  const { commandHelp, overview } = await import('./help.ts');
  const width = context.terminal.output ? context.terminal.columns() : 80;
  const group = argv.find((word) => !word.startsWith('-'));
  await print(
    line.command === undefined
      ? overview(definitions, width, group)
      : commandHelp(line.command, width),
    context,
  );
  return argv.length === 0 ? 2 : 0;
}

async function print(text: string, context: CliContext): Promise<void> {
  const { StreamWriter } = await import('./output/stream-writer.ts');
  const writer = new StreamWriter(context.stdout);
  writer.write(`${text}\n`);
  await writer.flush();
}

/** Says what went wrong; resolves with the exit status. */
async function tellError(
  thrown: unknown,
  argv: readonly string[],
  context: CliContext,
): Promise<number> {
  const { displayText } = await import('./output/display-text.ts');
  const { signal, stderr } = context;
  // Whatever breaks off while the user wants to stop breaks off because of that.
  const stopped = signal.aborted && !(thrown instanceof AppError && thrown.code !== 'interrupted');
  const error = stopped && signal.reason instanceof AppError ? signal.reason : thrown;
  const exit = stopped ? 130 : exitStatusOf(error);
  const message = messageOf(error);
  const debug = isAsked('debug', argv, context);
  const known = error instanceof AppError ? error : undefined;
  const stack = debug && error instanceof Error ? stackOf(error) : undefined;
  let text: string;
  if (isAsked('json', argv, context)) {
    const code = known?.code ?? 'internal';
    text = JSON.stringify({
      type: 'error',
      code,
      message,
      hint: known?.hint,
      details: known?.details,
      exit,
      stack,
    });
  } else {
    const lines = [`holdfast: ${displayText(message)}`];
    if (known?.hint !== undefined) lines.push(`hint: ${displayText(known.hint)}`);
    if (known === undefined)
      lines.push('hint: This is a fault of the program; --debug shows where it happened');
    if (stack !== undefined) lines.push(stack);
    text = lines.join('\n');
  }
  const { StreamWriter } = await import('./output/stream-writer.ts');
  const writer = new StreamWriter(stderr);
  writer.write(`${text}\n`);
  await writer.flush();
  return exit;
}

/** Whether a switch is on, before or without a command line that can be read. */
function isAsked(name: string, argv: readonly string[], { environment }: CliContext): boolean {
  const end = argv.indexOf('--');
  if (argv.slice(0, end < 0 ? argv.length : end).includes(`--${name}`)) return true;
  return /^(?:1|true|yes|on)$/iu.test(environment[`HOLDFAST_${name.toUpperCase()}`] ?? '');
}

function stackOf(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by: ${stackOf(error.cause)}` : own;
}
