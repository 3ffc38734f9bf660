import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { codeCache } from '../support/code-cache.ts';
import { pattern } from '../support/storage-samples.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { compareTrees } from '../support/tree-comparer.ts';

const program = path.resolve(import.meta.dirname, '../../bin/holdfast');

/** What a user does with a destination, by the program itself: a backup that is killed, another one, a check of all data, a restore. */
export async function backedUpAndRestored(
  url: string,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const of = (...names: string[]): string => path.join(directory.path, ...names);
  const ownEnvironment = {
    HOME: of('home'),
    PATH: process.env['PATH'] ?? '',
    HOLDFAST_PASSPHRASE: 'correct horse battery staple',
    ...codeCache,
    ...environment,
  };
  await makeTree(of('source'));
  const run = (argv: readonly string[], killAfter?: number): Promise<Ended> =>
    runProgram(argv, ownEnvironment, killAfter);

  const made = await run(['init', url]);
  assert.equal(made.status, 0, made.output);
  // Half a megabyte a second keeps it at work for long enough to be killed there.
  const slow = ['backup', '--limit-upload', '512K', of('source'), url];
  const killed = await run(slow, 4000);
  assert.equal(killed.signal, 'SIGKILL', killed.output);
  const again = await run(['backup', of('source'), url]);
  assert.equal(again.status, 0, again.output);
  const checked = await run(['check', '--read-data', url]);
  assert.equal(checked.status, 0, checked.output);
  const restored = await run(['restore', '--target', of('target'), url]);
  assert.equal(restored.status, 0, restored.output);
  assert.deepEqual(compareTrees(of('source'), of('target')), []);
}

interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

function runProgram(
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
  killAfter?: number,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece: Buffer) => (output += piece.toString('utf8')));
    const timer =
      killAfter === undefined
        ? undefined
        : setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), killAfter);
    child.once('error', reject);
    child.once('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, output });
    });
  });
}

/** Some 300 small files, two that do not compress, and names that not everybody can take. */
async function makeTree(root: string): Promise<void> {
  for (let folder = 0; folder < 6; folder++) {
    await mkdir(path.join(root, `folder ${folder}`), { recursive: true });
    for (let file = 0; file < 50; file++) {
      const text = `${folder} ${file} `.repeat(20 + file * 10);
      await writeFile(path.join(root, `folder ${folder}`, `grüße ${file}.txt`), text);
    }
  }
  for (const seed of [1, 2])
    await writeFile(path.join(root, `large ${seed}`), noise(4_000_000, seed));
  await writeFile(path.join(root, 'empty'), pattern(0));
}

/** Bytes without a pattern that compression could find. */
function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}
