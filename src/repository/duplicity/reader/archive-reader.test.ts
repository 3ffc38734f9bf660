import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  describeArchived,
  type ExpectedEntry,
  expectedEntries,
  fixtureStorage,
  fixtureTimes,
  openArchive,
  pathText,
  plainProtection,
  setsAt,
  symmetricProtection,
} from '#test/support/duplicity-fixture.ts';
import { type GpgHome, gpgHome } from '#test/support/gpg-home.ts';
import { hasCode } from '../../../base/errors.ts';
import { Secret } from '../../../base/secret.ts';
import type { DuplicityArchive } from '../duplicity-archive.ts';
import type { Protection } from '../encryption/protection.ts';
import type { FileNamingSettings } from '../names/file-name.ts';
import { ArchiveReader, type EntriesOptions } from './archive-reader.ts';
import type { ReaderProblem } from './reader-problem.ts';

interface Fixture {
  readonly name: string;
  readonly tree: string;
  readonly steps: number;
  readonly protection?: Protection;
  readonly names?: FileNamingSettings;
  /** What the real program lost when it wrote. */
  readonly deviation?: (entry: ExpectedEntry) => ExpectedEntry;
}

const prefixed = {
  prefix: 'site1-',
  volumePrefix: 'vol-',
  manifestPrefix: 'man-',
  signaturePrefix: 'sig-',
};

const fixtures: readonly Fixture[] = [
  { name: 'unencrypted', tree: 'source', steps: 3 },
  { name: 'symmetric', tree: 'source', steps: 3, protection: symmetricProtection() },
  { name: 'multivol', tree: 'multivol', steps: 2 },
  {
    name: 'gnu-tar',
    tree: 'source-tiny',
    steps: 2,
    deviation: (entry) => ({ ...entry, path: entry.path.replace('%e9', '?') }),
  },
  { name: 'names-short', tree: 'source-tiny', steps: 2 },
  { name: 'names-old', tree: 'source-tiny', steps: 2 },
  { name: 'prefixes', tree: 'source-tiny', steps: 2, names: prefixed },
];

async function read(
  archive: DuplicityArchive,
  time: number | undefined,
  options: Partial<EntriesOptions> = {},
): Promise<{ entries: ExpectedEntry[]; problems: ReaderProblem[] }> {
  const problems: ReaderProblem[] = [];
  const entries: ExpectedEntry[] = [];
  const reader = new ArchiveReader(archive);
  const onProblem = (problem: ReaderProblem): void => void problems.push(problem);
  for await (const entry of reader.entries(await setsAt(archive, time), {
    onProblem,
    ...options,
  })) {
    entries.push(await describeArchived(entry));
  }
  return { entries, problems };
}

function sorted(entries: readonly ExpectedEntry[]): unknown[] {
  return entries.map((entry) => new Map(Object.entries(entry)));
}

describe('the reader', () => {
  for (const { name, tree, steps, protection, names, deviation } of fixtures) {
    for (let step = 0; step < steps; step++) {
      it(`gives the state of step ${step} of "${name}"`, async () => {
        const storage = await fixtureStorage(name);
        await using archive = await openArchive(storage, protection ?? plainProtection, names);
        const { entries, problems } = await read(archive, fixtureTimes[step]);
        const expected = expectedEntries(tree, step).map(deviation ?? ((entry) => entry));
        assert.deepEqual(problems, []);
        assert.deepEqual(sorted(entries), sorted(expected));
      });

      it(`lists the state of step ${step} of "${name}"`, async () => {
        const storage = await fixtureStorage(name);
        await using archive = await openArchive(storage, protection ?? plainProtection, names);
        const paths: string[] = [];
        const listing = new ArchiveReader(archive).list(await setsAt(archive, fixtureTimes[step]), {
          onProblem: ({ error }) => assert.fail(error),
        });
        for await (const { path, size } of listing) {
          paths.push(pathText(path));
          assert.equal(size, undefined);
        }
        assert.deepEqual(
          paths,
          expectedEntries(tree, step).map(({ path }) => path),
        );
      });
    }
  }
});

describe('the reader of what was written for a key', () => {
  const fingerprint = '4A8ABB6D439019C618944B97FA526EA358EE2E64';
  const keyFile = new URL(
    '../../../../test/fixtures/duplicity/pubkey-signed/key-secret.gpg',
    import.meta.url,
  ).pathname;
  const protection = (environment: GpgHome['environment'], signer?: string): Protection => ({
    kind: 'keys',
    recipients: [fingerprint],
    hiddenRecipients: [],
    passphrase: new Secret(''),
    sign: signer === undefined ? undefined : { key: signer },
    gpg: { program: 'gpg', options: [], useAgent: false, environment },
  });

  it('gives and lists the states of "pubkey-signed"', async () => {
    await using home = await gpgHome();
    await home.gpg(['--import', keyFile]);
    for (const [step, signer] of [undefined, fingerprint.slice(-16), fingerprint].entries()) {
      const storage = await fixtureStorage('pubkey-signed');
      await using archive = await openArchive(storage, protection(home.environment, signer));
      const { entries, problems } = await read(archive, fixtureTimes[step]);
      assert.deepEqual(problems, []);
      assert.deepEqual(sorted(entries), sorted(expectedEntries('source', step)));
      const listing = new ArchiveReader(archive).list(await setsAt(archive, fixtureTimes[step]), {
        onProblem: ({ error }) => assert.fail(error),
      });
      assert.equal((await Array.fromAsync(listing)).length, entries.length);
    }
  });

  it('refuses what somebody else has signed', async () => {
    await using home = await gpgHome();
    await home.gpg(['--import', keyFile]);
    const other = await home.generateKey('other@example.org', '');
    const storage = await fixtureStorage('pubkey-signed');
    await using archive = await openArchive(storage, protection(home.environment, other));
    await assert.rejects(read(archive, undefined), (error) => hasCode(error, 'repository/damaged'));
  });

  it('tells that there is no key', async () => {
    await using home = await gpgHome();
    const storage = await fixtureStorage('pubkey-signed');
    await using archive = await openArchive(storage, protection(home.environment));
    await assert.rejects(read(archive, undefined), (error) =>
      hasCode(error, 'repository/wrong-passphrase'),
    );
  });
});
