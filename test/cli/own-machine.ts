import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type CommandLineOptions, type Ran, runForTest } from './command-line.ts';

/** A machine of its own for command lines: a home directory, and repositories without a passphrase unless a test says otherwise. */
export interface OwnMachine extends AsyncDisposable {
  readonly path: string;
  /** The absolute path of something on it. */
  of(...names: string[]): string;
  readonly environment: Readonly<Record<string, string>>;
  /** Runs a command line in this process. */
  run(...argv: string[]): Promise<Ran>;
  runWith(options: CommandLineOptions, ...argv: string[]): Promise<Ran>;
  /** Writes files by their paths below the directory `source`. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
}

export async function ownMachine(): Promise<OwnMachine> {
  const directory = await temporaryDirectory();
  const of = (...names: string[]): string => path.join(directory.path, ...names);
  const environment = {
    HOME: of('home'),
    PATH: process.env['PATH'] ?? '',
    HOLDFAST_INSECURE_NO_PASSPHRASE: '1',
  };
  const runWith = async (options: CommandLineOptions, ...argv: string[]): Promise<Ran> =>
    runForTest(argv, { environment, ...options });
  return {
    path: directory.path,
    of,
    environment,
    runWith,
    run: async (...argv) => runWith({}, ...argv),
    async write(files) {
      for (const [name, text] of Object.entries(files)) {
        const file = of('source', name);
        await mkdir(path.dirname(file), { recursive: true });
        await writeFile(file, text);
      }
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
