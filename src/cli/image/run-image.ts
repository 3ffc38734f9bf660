import { didYouMean } from '../../base/did-you-mean.ts';
import { AppError } from '../../base/errors.ts';
import {
  type ContainerDestination,
  containerDestinations,
} from '../../configuration/environment/destination-variables.ts';
import type { Environment } from '../../configuration/environment/environment-reader.ts';
import { resolveFileVariables } from '../../configuration/environment/file-variables.ts';
import { refuseKnownPassphrase } from '../../configuration/environment/known-default-passphrase.ts';
import { SecretMask } from '../../service/program/mask-secrets.ts';
import { maskEnvironment } from '../../service/tasks/environment-secrets.ts';
import { substituteVariables } from '../../service/tasks/substitute-variables.ts';
import type { CliContext } from '../context.ts';
import { runDuplicity } from '../duplicity/run-duplicity.ts';
import { StreamWriter } from '../output/stream-writer.ts';
import { containerOptions } from './container-options.ts';

const help = `Usage: holdfast image COMMAND [ARGUMENT…]

The commands of the job container, with SRC, DST, OPTIONS, OPTIONS_EXTRA and what the
storage and the encryption need in the environment; each may be given by a file
(FILE__NAME=/path, NAME_FILE=/path).

  backup [OPTION…]      Back SRC up to DST: the first time all of it, then what has changed
  restore [OPTION…]     Restore DST to SRC; --force to write over what is there
  dup ARGUMENT…         duplicity with OPTIONS and OPTIONS_EXTRA
  duplicity ARGUMENT…   duplicity as it is
  dump                  Dump the databases of PostgreSQL at PGHOST to SRC, one file each:
                        those that fit DBS_TO_INCLUDE and not DBS_TO_EXCLUDE
  setup                 Make the scripts of tasks and the links of periodicities

In arguments, $NAME and \${NAME} are replaced by the values of variables. With DST=multi,
each command is done for DST_1, DST_2 and so on, "restore" for the first; one that fails
does not stop the others.

Exit status: that of duplicity; 2 for a command line that makes no sense.

Examples:
  holdfast image backup --full-if-older-than 1M
  holdfast image dup list-current-files '$DST'
`;

const commands = ['backup', 'restore', 'dup', 'duplicity', 'dump', 'setup'];

/** Runs a command of the job container (its name first) and resolves with the exit status. */
export async function runImage(argv: readonly string[], context: CliContext): Promise<number> {
  const [command, ...rest] = argv;
  if (command === undefined || command === '--help' || command === '-h') {
    await print(help, context.stdout);
    return command === undefined ? 2 : 0;
  }
  if (!commands.includes(command)) {
    const nearest = didYouMean(command, commands);
    throw new AppError('input/usage', `There is no command "image ${command}"`, {
      hint:
        nearest === undefined ? '"holdfast image --help" lists them' : `Did you mean "${nearest}"?`,
    });
  }
  const { signal } = context;
  const { environment, warnings } = await resolveFileVariables(context.environment, { signal });
  for (const warning of warnings) await print(`Warning: ${warning}\n`, context.stderr);
  if (command === 'setup') {
    const { setUpContainer } = await import('./set-up-container.ts');
    return await setUpContainer(rest, { ...context, environment });
  }
  if (command === 'dump') {
    const { dumpPostgresql } = await import('./dump-postgresql.ts');
    return await dumpPostgresql(rest, { ...context, environment });
  }
  return await runEngine(command, rest, { ...context, environment });
}

/** What an action that looks at or takes from a destination needs only one of. */
const readsOnly = new Set(['restore', 'verify', 'list-current-files', 'collection-status']);

async function runEngine(
  command: string,
  given: readonly string[],
  context: CliContext,
): Promise<number> {
  const { environment } = context;
  if (command === 'duplicity' && environment['DST']?.trim() !== 'multi') {
    return await runDuplicity(expanded(given, environment), context, 'duplicity');
  }
  const words = wordsOf(command, given);
  if (!words.includes('--no-encryption')) refuseKnownPassphrase(environment);
  const destinations = chooseDestinations(words, environment);
  let status = 0;
  for (const destination of destinations) {
    const code = await runOn(command, words, destination, destinations.length, context);
    // The first problem is the one that is told; the others had their turn all the same.
    status ||= code;
    if (context.signal.aborted) break;
  }
  return status;
}

/** What is said to the engine; `$SRC` and `$DST` are those of each destination. */
function wordsOf(command: string, given: readonly string[]): readonly string[] {
  if (command === 'backup') return ['backup', '$SRC', '$DST', ...given];
  if (command === 'restore') return ['restore', '$DST', '$SRC', ...given];
  return given;
}

function chooseDestinations(
  words: readonly string[],
  environment: Environment,
): readonly ContainerDestination[] {
  const speaksOfTarget = words.some((word) => /^multi$|\$(?:DST\b|\{DST\})/u.test(word));
  if (!speaksOfTarget) return [{ number: undefined, url: '', environment }];
  const all = containerDestinations(environment);
  const isReading = words.some((word) => readsOnly.has(word));
  return isReading ? all.slice(0, 1) : all;
}

async function runOn(
  command: string,
  given: readonly string[],
  { number, url, environment }: ContainerDestination,
  count: number,
  context: CliContext,
): Promise<number> {
  const { signal } = context;
  // Job commands have had their variables replaced already: of DST=multi, the word is left.
  const words = expanded(
    given.map((word) => (number !== undefined && word === 'multi' ? '$DST' : word)),
    { ...environment, SRC: withoutScheme(environment['SRC'] ?? '') },
  );
  const options =
    command === 'duplicity' ? [] : await containerOptions(environment, url, { signal });
  const argv = named([...options, ...words], number);
  const mask = new SecretMask();
  maskEnvironment(mask, environment);
  for (const word of argv) mask.addAddress(word);
  const which = count > 1 ? `Destination ${String(number)}: ` : '';
  await print(
    `${which}Executing: ${mask.mask(['duplicity', ...argv].join(' '))}\n`,
    context.stderr,
  );
  return await runDuplicity(argv, { ...context, environment }, 'duplicity');
}

/** What is cached of an archive has the name that `--name` gives: of several destinations, each needs its own. */
function named(words: readonly string[], number: number | undefined): readonly string[] {
  if (number === undefined) return words;
  return words.map((word, index) =>
    word.startsWith('--name=') || words[index - 1] === '--name' ? `${word}-${number}` : word,
  );
}

const expanded = (words: readonly string[], environment: Environment): readonly string[] =>
  words.map((word) => substituteVariables(word, environment));

/** `SRC` may be a URL of a place on this machine. */
function withoutScheme(source: string): string {
  const path = /^file:\/\/(\/.*)$/su.exec(source)?.[1];
  if (path === undefined) return source;
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // no sign in it was meant to be one of a URL
  }
}

async function print(text: string, stream: CliContext['stdout']): Promise<void> {
  const writer = new StreamWriter(stream);
  writer.write(text);
  await writer.flush();
}
