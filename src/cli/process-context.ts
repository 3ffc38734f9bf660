import { readFileSync, writeSync } from 'node:fs';

import { packageFile } from '../base/program-files.ts';
import { systemClock } from '../base/clock.ts';
import { givenTimeZone } from '../base/given-time-zone.ts';
import { goesByUtc, systemTimeZone } from '../base/time-zone.ts';
import type { CliContext, TerminalFacts } from './context.ts';
import { givenDirectory } from './given-words.ts';
import { watchSignals } from './signals.ts';

/** The context of the real process. Dispose of it to stop watching for signals. */
export function processContext(): CliContext & Disposable {
  const watch = watchSignals(process, say, (status) => process.exit(status));
  if (process.env[endsWithInput] === '1') {
    // Whoever started us holds the other end of the pipe: if that process dies, however it dies, nobody wants what we do any more.
    process.stdin.once('close', () => watch.stop()).resume();
    (process.stdin as { unref?: () => void }).unref?.();
  }
  let timeZone: string | undefined;
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    environment: outsideEnvironment(process.env),
    clock: systemClock,
    signal: watch.signal,
    onHangUp: (listener) => watch.onHangUp(listener),
    terminal: terminalFacts(),
    get timeZone() {
      return (timeZone ??= timeZoneOf(process.env['TZ']));
    },
    get workingDirectory() {
      return givenDirectory(process.cwd());
    },
    get version() {
      return packageVersion();
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

/** The zone of this process. Says so if `TZ` means one that is not known: a day off may be what somebody restores. */
function timeZoneOf(given: string | undefined): string {
  if (goesByUtc(given)) return 'UTC';
  if (given === undefined || given === '') return systemTimeZone();
  const zone = givenTimeZone(given);
  if (zone !== undefined) return zone;
  say(
    `holdfast: TZ is "${given}", which is no time zone that is known here; times are those of UTC. Name one, for example Europe/Berlin\n`,
  );
  return 'UTC';
}

/** An environment as it was before the launcher and `main.ts` added what concerns this program alone, which they list in one variable, and with what the launcher's shell has dropped. */
function outsideEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const own = environment[ownVariables];
  const names = new Set([ownVariables, oddVariables, endsWithInput, ...(own ?? '').split(' ')]);
  return {
    ...oddOnes(environment[oddVariables] ?? ''),
    ...Object.fromEntries(Object.entries(environment).filter(([name]) => !names.has(name))),
  };
}

/** Variables as `/proc/PID/environ` has them, in base64. */
function oddOnes(text: string): Record<string, string> {
  const records = Buffer.from(text, 'base64').toString('utf8').split('\0');
  return Object.fromEntries(
    records.flatMap((record) => {
      const end = record.indexOf('=');
      return end > 0 ? [[record.slice(0, end), record.slice(end + 1)]] : [];
    }),
  );
}

/** What the shell of the launcher could not name. */
const oddVariables = 'HOLDFAST_ODD_VARIABLES';
const ownVariables = 'HOLDFAST_OWN_VARIABLES';
/** `1`: the end of standard input is a wish to stop. Set for children of the service. */
const endsWithInput = 'HOLDFAST_ENDS_WITH_INPUT';

/** Past the stream, because the process may be about to end; a reader that has gone does not matter. */
function say(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Nobody is there to be told.
  }
}

function terminalFacts(): TerminalFacts {
  const { stdin, stdout, stderr, env } = process;
  return {
    interactive: stdin.isTTY && stderr.isTTY,
    output: stdout.isTTY,
    progress: stderr.isTTY && env['TERM'] !== 'dumb',
    columns: () => stderr.columns || stdout.columns || 80,
    colour: stderr.isTTY && env['TERM'] !== 'dumb' && (env['NO_COLOR'] ?? '') === '',
  };
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
