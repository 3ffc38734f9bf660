import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { systemClock } from '../../src/base/clock.ts';
import { Secret } from '../../src/base/secret.ts';
import type { SummaryEvent } from '../../src/model/event.ts';
import {
  createRepository,
  openRepository,
  type NativeRepository,
} from '../../src/repository/native/native-repository.ts';
import { openStorage } from '../../src/storage/open-storage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { machine } from './small-repository.ts';

const passphrase = 'stress';
const launcher = new URL('../../bin/holdfast', import.meta.url).pathname;

async function storageAt(path: string): Promise<Storage> {
  const opened = await openStorage(
    path,
    {},
    { clock: systemClock, environment: {}, signal: undefined, warn: () => undefined },
  );
  return opened.storage;
}

/** A repository in files that opens with little work, for real processes to work on. */
export class StressRepository {
  readonly path: string;
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.path = `${directory}/repository`;
  }

  static async create(directory: string): Promise<StressRepository> {
    const made = new StressRepository(directory);
    const protection = {
      kind: 'passphrase',
      passphrase: new Secret(passphrase),
      cost: { memory: 19_456, passes: 1, lanes: 1 },
    } as const;
    await using _repository = await createRepository(
      await storageAt(made.path),
      protection,
      machine(directory, 'first'),
    );
    return made;
  }

  /** In this process, as one of its machines. */
  async open(name: string): Promise<NativeRepository> {
    return openRepository(
      await storageAt(this.path),
      { kind: 'passphrase', passphrase: new Secret(passphrase) },
      machine(this.#directory, name),
      { localPath: this.path },
    );
  }

  /** Starts a backup in a process of its own. */
  startBackup(name: string, source: string): RunningCommand {
    return this.run('backup', name, [source, this.path]);
  }

  /** Starts any command in a process of its own. */
  run(command: string, name: string, args: readonly string[]): RunningCommand {
    const { stateDirectory, cacheDirectory = '' } = machine(this.#directory, name);
    const places = ['--state-dir', stateDirectory, '--cache-dir', cacheDirectory];
    const child = spawn(launcher, [command, '--json', ...places, ...args], {
      env: { ...process.env, HOLDFAST_PASSPHRASE: passphrase },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new RunningCommand(child);
  }
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The snapshot that the process reported. */
  readonly snapshot: string | undefined;
  readonly output: string;
}

/** A command at work in another process. */
export class RunningCommand {
  /** Resolves when it has begun to read the repository, or has ended. */
  readonly working: Promise<void>;
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
    let snapshot: string | undefined;
    let output = '';
    const working = Promise.withResolvers<void>();
    this.working = working.promise;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      output += `${line}\n`;
      if (line.includes('"phase"')) working.resolve();
      if (!line.includes('"summary"')) return;
      snapshot = (JSON.parse(line) as SummaryEvent).snapshot ?? undefined;
    });
    child.stderr!.on('data', (text) => (output += String(text)));
    this.ended = (async () => {
      const [status, signal] = (await once(child, 'close')) as [
        number | null,
        NodeJS.Signals | null,
      ];
      working.resolve();
      return { status, signal, snapshot, output };
    })();
  }

  /** Ends it as a power failure would. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
