import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { missingPrograms } from '#test/servers/required-programs.ts';
import { type ScratchDirectory, scratchDirectory } from '#test/support/scratch-directory.ts';
import { SeededRandom } from '#test/support/seeded-random.ts';
import { thorough } from '#test/support/thorough.ts';
import { runForTest } from '../cli/command-line.ts';
import { type DuplicityProgram, ownDuplicity, realDuplicity } from './duplicity-programs.ts';
import { ChangingTree, contentOf } from './duplicity-tree.ts';

const missing = missingPrograms(['duplicity', '/usr/bin/python3', 'gpg']);
const begin = 1_700_000_000;

interface Protection {
  readonly title: string;
  /** Options and environment; `scratch` may be used for a key ring. */
  readonly prepare: (scratch: ScratchDirectory) => {
    readonly options: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
    readonly cleanUp?: () => void;
  };
}

const protections: readonly Protection[] = [
  { title: 'unencrypted', prepare: () => ({ options: ['--no-encryption'], environment: {} }) },
  {
    title: 'symmetric',
    prepare: () => ({ options: [], environment: { PASSPHRASE: 'a pass phrase "with" \u00fc' } }),
  },
  {
    title: 'to a public key',
    prepare: (scratch) => withKey(scratch, (key) => ['--encrypt-key', key]),
  },
  {
    title: 'to a public key, signed',
    prepare: (scratch) =>
      withKey(scratch, (key) => ['--encrypt-key', key, '--sign-key', key.slice(-16)]),
  },
];

/** A key ring with one key without a passphrase. */
function withKey(
  scratch: ScratchDirectory,
  optionsFor: (key: string) => readonly string[],
): ReturnType<Protection['prepare']> {
  const home = scratch.of('gnupg');
  mkdirSync(home, { mode: 0o700 });
  const gpg = (...parameters: string[]): string =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', ...parameters], {
      stdio: ['ignore', 'pipe', 'ignore'],
    }).toString();
  gpg('--passphrase', '', '--quick-gen-key', 'test@example.org', 'rsa2048', 'default', 'never');
  const key = /^fpr:+([0-9A-F]{40}):/mu.exec(gpg('--with-colons', '--list-keys'))?.[1];
  assert.ok(key !== undefined);
  // The encryption subkey; the one key has both uses only with an explicit one.
  gpg('--passphrase', '', '--quick-add-key', key, 'rsa2048', 'encr', 'never');
  return {
    options: optionsFor(key),
    environment: { GNUPGHOME: home, PASSPHRASE: '', SIGN_PASSPHRASE: '' },
    cleanUp: () => void execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']),
  };
}

/** Who writes each set of a chain: the full one and five incremental ones. */
const writers = {
  'ours, read by the original': ['own', 'own', 'own', 'own', 'own', 'own'],
  'the original, read by us': ['real', 'real', 'real', 'real', 'real', 'real'],
  'theirs, ours, theirs': ['real', 'own', 'real', 'own', 'own', 'real'],
} as const;

describe('chains of duplicity and of ours', { skip: missing, concurrency: 2 }, () => {
  for (const protection of protections) {
    for (const [who, order] of Object.entries(writers)) {
      test(`${protection.title}: ${who}`, () => oneChain(protection, order, []));
    }
  }
  const inVolumes = ['--volsize', '1'];
  for (const protection of protections.slice(0, 3)) {
    if (thorough || protection.title !== 'to a public key')
      test(`${protection.title}, many volumes: theirs, ours, theirs`, () =>
        oneChain(protection, writers['theirs, ours, theirs'], inVolumes));
    if (thorough || protection.title !== 'symmetric')
      test(`${protection.title}, many volumes: ours`, () =>
        oneChain(protection, writers['ours, read by the original'], inVolumes));
  }
});

async function oneChain(
  protection: Protection,
  order: readonly ('own' | 'real')[],
  more: readonly string[],
): Promise<void> {
  using scratch = scratchDirectory();
  const { options, environment, cleanUp } = protection.prepare(scratch);
  await using real = realDuplicity();
  await using own = ownDuplicity();
  const programs = { own, real };
  try {
    const tree = new ChangingTree(scratch.of('tree'), new SeededRandom(order.length), begin);
    if (more.length > 0) addLargeFile(tree.root);
    const archive = `file://${scratch.of('archive')}`;
    const run = async (
      program: DuplicityProgram,
      parameters: readonly string[],
    ): Promise<string> => {
      // Each program has an archive directory of its own: what the other one wrote has to be fetched.
      const common = ['--name', 'chain', '--archive-dir', scratch.of(`cache-${program.name}`)];
      const { status, output, errors } = await program.run([...parameters, ...common, ...options], {
        HOME: scratch.path,
        ...environment,
      });
      assert.equal(status, 0, `${program.name} ${parameters.join(' ')}\n${output}\n${errors}`);
      return output;
    };
    const states: { readonly time: number; readonly content: Record<string, string> }[] = [];
    const backUp = async (by: 'own' | 'real', number: number): Promise<void> => {
      const time = number === 0 ? begin + 50 : tree.change(8);
      const action = number === 0 ? 'full' : 'incremental';
      await run(programs[by], [
        action,
        ...more,
        '--current-time',
        String(time),
        tree.root,
        archive,
      ]);
      states.push({ time, content: contentOf(tree.root) });
    };
    const restoredBy = async (program: DuplicityProgram): Promise<void> => {
      // The last one needs all sets, and the first only the full one.
      const chosen = thorough
        ? states
        : states.filter((_, number) => number % 3 === 0 || number === states.length - 1);
      for (const { time, content } of chosen) {
        const target = scratch.of(`restored-${program.name}-${states.length}-${time}`);
        await run(program, ['restore', '--time', String(time), archive, target]);
        assert.deepEqual(contentOf(target), content, `restored by ${program.name} at ${time}`);
      }
    };
    for (const [number, by] of order.entries()) await backUp(by, number);
    if (more.length > 0)
      assert.ok(readdirSync(scratch.of('archive')).some((name) => name.includes('.vol3.')));
    await restoredBy(real);
    await restoredBy(own);
    for (const program of [real, own]) {
      const verified = await run(program, ['verify', '--compare-data', archive, tree.root]);
      assert.match(verified, /0 differences found/u);
      const status = await run(program, ['collection-status', archive]);
      assert.match(status, /No orphaned or incomplete backup sets found/u);
    }
    // The chain is theirs as well: whoever did not write last goes on.
    await backUp(order.at(-1) === 'own' ? 'real' : 'own', order.length);
    states.splice(0, states.length - 1);
    await restoredBy(real);
    await restoredBy(own);
  } finally {
    cleanUp?.();
  }
}

/** More than fits in two volumes of one MiB, of which nothing can be compressed. */
function addLargeFile(root: string): void {
  writeFileSync(`${root}/large`, new SeededRandom(1).bytes(2_700_000));
}

test(
  'the original restores a full set that was made of a chain, and goes on with it',
  { skip: missing },
  async () => {
    using scratch = scratchDirectory();
    await using real = realDuplicity();
    await using own = ownDuplicity();
    const tree = new ChangingTree(scratch.of('tree'), new SeededRandom(7), begin);
    const archive = `file://${scratch.of('archive')}`;
    const run = async (program: DuplicityProgram, parameters: readonly string[]): Promise<void> => {
      const common = [
        '--no-encryption',
        '--name',
        'chain',
        '--archive-dir',
        scratch.of(program.name),
      ];
      const { status, output, errors } = await program.run([...parameters, ...common], {
        HOME: scratch.path,
      });
      assert.equal(status, 0, `${program.name} ${parameters.join(' ')}\n${output}\n${errors}`);
    };
    let time = begin + 50;
    for (const program of [real, own, real]) {
      await run(program, ['--current-time', String(time), tree.root, archive]);
      time = tree.change(8);
    }
    const stored = scratch.of('stored');
    await run(real, ['restore', archive, stored]);
    const made = await runForTest(
      [
        'backup',
        '--synthetic-full',
        scratch.of('archive'),
        '--insecure-no-passphrase',
        '--time',
        new Date(time * 1000).toISOString(),
      ],
      { environment: { HOME: scratch.path, PATH: process.env['PATH'] ?? '' } },
    );
    assert.equal(made.status, 0, made.stderr.text);
    // Nothing of the old chain is needed any more.
    await run(real, ['remove-all-but-n-full', '1', '--force', archive]);
    assert.ok(readdirSync(scratch.of('archive')).every((name) => !name.includes('-inc.')));
    const synthetic = scratch.of('synthetic');
    await run(real, ['restore', archive, synthetic]);
    assert.deepEqual(contentOf(synthetic), contentOf(stored));
    await run(real, ['incremental', '--current-time', String(time + 100), tree.root, archive]);
    for (const program of [real, own]) {
      const target = scratch.of(`restored-${program.name}`);
      await run(program, ['restore', archive, target]);
      assert.deepEqual(contentOf(target), contentOf(tree.root));
    }
  },
);
