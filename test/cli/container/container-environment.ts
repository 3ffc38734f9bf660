import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const launcher = path.resolve(import.meta.dirname, '../../../bin/holdfast');

export interface ContainerRan {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A directory that stands for a container: its environment is all that commands get. */
export interface ContainerPlace extends AsyncDisposable {
  readonly path: string;
  of(...names: string[]): string;
  /** The program by its launcher, or by a link to it (an absolute path first). */
  run(
    argv: readonly string[],
    environment?: Readonly<Record<string, string>>,
  ): Promise<ContainerRan>;
}

export const holdfastLauncher = launcher;

export async function containerPlace(
  shared: Readonly<Record<string, string>> = {},
): Promise<ContainerPlace> {
  const directory = await mkdtemp(path.join(tmpdir(), 'holdfast-container-'));
  const of = (...names: string[]): string => path.join(directory, ...names);
  return {
    path: directory,
    of,
    run: (argv, environment = {}) =>
      new Promise((resolve) => {
        const [first, ...rest] = argv;
        const isPath = first !== undefined && path.isAbsolute(first);
        execFile(
          isPath ? first : launcher,
          isPath ? rest : [...argv],
          {
            cwd: directory,
            env: {
              PATH: process.env['PATH'],
              HOME: directory,
              NODE_COMPILE_CACHE: path.join(tmpdir(), 'holdfast-test-code'),
              HOLDFAST_STATE_DIR: of('state'),
              CONF_WORK_DIR: of('workdir'),
              ...shared,
              ...environment,
            },
            maxBuffer: 16 * 1024 * 1024,
          },
          (error, stdout, stderr) => {
            const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
            resolve({ status, stdout, stderr });
          },
        );
      }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
