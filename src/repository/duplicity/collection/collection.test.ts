import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { hasCode } from '../../../base/errors.ts';
import { utf8 } from '../../../base/bytes.ts';
import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import { faulty } from '#test/support/faulty-storage.ts';

import { parseManifest } from '../manifest/parse-manifest.ts';
import { FileNaming } from '../names/file-name.ts';
import { type ArchiveFile, isEncrypted, storedSize } from './backup-set.ts';
import { chooseSets } from './choose-sets.ts';
import { type Collection, readCollection, sortCollection } from './collection.ts';
import { compareWithManifest, crossCheck, requireVolumes } from './cross-check.ts';
import { describeFinding, type Finding } from './finding.ts';

const fixtures = new URL('../../../../test/fixtures/duplicity/', import.meta.url).pathname;
const naming = new FileNaming({ style: 'short' });
const t0 = 1_700_000_000;
const day = 86_400;

function listed(names: readonly string[], with_: FileNaming = naming): ArchiveFile[] {
  return names.toSorted().map((name) => {
    const file = with_.parse(name);
    assert.ok(file, name);
    return { name, size: name.length, file };
  });
}

/** Files of a set at day `end` (a full one without `start`): manifest, volumes, signatures. */
function files(start: number | undefined, end: number, volumes = 1): string[] {
  const at = {
    set: start === undefined ? 'full' : 'incremental',
    coding: 'gzip',
    partial: false,
  } as const;
  const times = {
    start: start === undefined ? undefined : t0 + start * day,
    end: t0 + end * day,
  };
  return [
    naming.make({ ...at, ...times, kind: 'manifest', volume: undefined, coding: 'plain' }),
    naming.make({ ...at, ...times, kind: 'signatures', volume: undefined }),
    ...Array.from({ length: volumes }, (_, index) =>
      naming.make({ ...at, ...times, kind: 'volume', volume: index + 1 }),
    ),
  ];
}

function without(names: readonly string[], ...patterns: readonly RegExp[]): string[] {
  return names.filter((name) => !patterns.some((pattern) => pattern.test(name)));
}

const manifestName = /\.m$/u;
const signatureName = /\.st/u;

/** Days of the sets of each chain. */
function shape({ chains }: Pick<Collection, 'chains'>): number[][] {
  return chains.map(({ sets }) => sets.map(({ end }) => (end - t0) / day));
}

function kinds(findings: readonly Finding[]): string[] {
  for (const finding of findings) assert.match(describeFinding(finding), /^(?:The|There) .*[^.]$/u);
  return findings.map(({ kind }) => kind).toSorted();
}

test('the archives of the real program are the chains that they are', () => {
  const expected = {
    unencrypted: [0, 1, 2],
    symmetric: [0, 1, 2],
    'pubkey-signed': [0, 1, 2],
    multivol: [0, 1],
    'gnu-tar': [0, 1],
    'names-short': [0, 1],
    'names-old': [0, 1],
    prefixes: [0, 1],
  };
  const prefixed = new FileNaming({
    prefix: 'site1-',
    volumePrefix: 'vol-',
    manifestPrefix: 'man-',
    signaturePrefix: 'sig-',
  });
  for (const [directory, days] of Object.entries(expected)) {
    const names = readdirSync(`${fixtures}${directory}/dest`);
    const remote = listed(names, directory === 'prefixes' ? prefixed : naming);
    const collection = sortCollection(remote, []);
    assert.deepEqual(shape(collection), [days], directory);
    assert.deepEqual(collection.findings, [], directory);
    const [chain] = collection.chains;
    assert.equal(collection.active?.chain, chain);
    assert.equal(collection.active?.base, chain?.sets.at(-1));
    assert.equal(collection.active?.signatures.length, days.length);
    assert.equal(chain?.full.volumes.size, directory === 'multivol' ? 3 : 1);
    const encrypted = ['symmetric', 'pubkey-signed'].includes(directory);
    assert.ok(
      chain?.sets.every((set) => isEncrypted(set) === encrypted),
      directory,
    );
    assert.equal(
      chain?.sets.reduce((sum, set) => sum + storedSize(set), 0),
      names.reduce((sum, name) => sum + name.length, 0),
    );
  }
});

test('a collection says what the real collection-status says', () => {
  const status = readFileSync(`${fixtures}unencrypted/collection-status.txt`, 'utf8');
  const { chains, incomplete, orphaned, active } = sortCollection(
    listed(readdirSync(`${fixtures}unencrypted/dest`)),
    [],
  );
  const asctime = (time: number): string => {
    const [weekday, dayOfMonth, month, year, clock] = new Date(time * 1000)
      .toUTCString()
      .replace(',', '')
      .split(' ');
    return `${weekday} ${month} ${dayOfMonth} ${clock} ${year}`;
  };
  const [chain] = chains;
  assert.ok(chain && active?.chain === chain && incomplete.length + orphaned.length === 0);
  const lines = [
    `Found ${chains.length - 1} secondary backup chains.`,
    `Chain start time: ${asctime(chain.start)}`,
    `Chain end time: ${asctime(chain.end)}`,
    `Number of contained backup sets: ${chain.sets.length}`,
    `Total number of contained volumes: ${chain.sets.reduce((sum, { volumes }) => sum + volumes.size, 0)}`,
    ...chain.sets.map(({ type, end, volumes }) =>
      [
        (type === 'full' ? 'Full' : 'Incremental').padStart(20),
        asctime(end).padStart(32),
        String(volumes.size).padStart(17),
      ].join(' '),
    ),
  ];
  for (const line of lines) assert.ok(status.includes(line), line);
});

test('one listing shows what is incomplete, orphaned, lost or too much', () => {
  const cases: [string, string[], number[][], string[]][] = [
    ['nothing', [], [], []],
    ['a chain', [...files(undefined, 0, 2), ...files(0, 1), ...files(1, 2)], [[0, 1, 2]], []],
    [
      'two chains',
      [...files(undefined, 3), ...files(undefined, 0), ...files(0, 1)],
      [[0, 1], [3]],
      [],
    ],
    [
      'a set without a manifest',
      [...files(undefined, 0), ...without(files(0, 1), manifestName)],
      [[0]],
      ['incomplete-set', 'surplus-signatures'],
    ],
    [
      'a lost set in the middle',
      [...files(undefined, 0), ...without(files(0, 1), manifestName), ...files(1, 2)],
      [[0]],
      ['incomplete-set', 'orphaned-set', 'surplus-signatures', 'surplus-signatures'],
    ],
    [
      'a set that is gone in the middle',
      [...files(undefined, 0), ...files(1, 2)],
      [[0]],
      ['orphaned-set', 'orphaned-signatures'],
    ],
    [
      'signatures left at the end of a chain',
      [...files(undefined, 0), ...files(0, 1).filter((name) => signatureName.test(name))],
      [[0]],
      ['surplus-signatures'],
    ],
    [
      'lost signatures',
      [...files(undefined, 0), ...without(files(0, 1), signatureName)],
      [[0, 1]],
      ['missing-signatures'],
    ],
    [
      'a volume lost between others',
      without(files(undefined, 0, 3), /\.2\.dt/u),
      [[0]],
      ['missing-volumes'],
    ],
    ['all volumes lost', without(files(undefined, 0), /\.dt/u), [[0]], ['missing-volumes']],
    [
      'a set that was made again',
      [...files(undefined, 0), ...without(files(0, 1), signatureName), ...files(0, 2)],
      [[0, 2]],
      ['superseded-set'],
    ],
    [
      'chains that overlap',
      [...files(undefined, 0), ...files(0, 2), ...files(undefined, 1)],
      [[1], [0, 2]],
      ['overlapping-chains'],
    ],
    [
      'two sets of one time',
      [...files(undefined, 0), ...files(0, 1), ...files(undefined, 1)],
      [[0, 1], [1]],
      ['overlapping-chains', 'same-time-sets'],
    ],
    [
      'an incremental set that takes no time',
      [...files(undefined, 2), ...files(2, 2)],
      [[2]],
      ['orphaned-set', 'same-time-sets', 'surplus-signatures'],
    ],
    [
      'an incremental set that goes back in time',
      [...files(undefined, 2), ...files(2, 1)],
      [[2]],
      ['orphaned-set', 'surplus-signatures'],
    ],
  ];
  for (const [what, names, chains, findings] of cases) {
    const collection = sortCollection(listed(names), []);
    assert.deepEqual(shape(collection), chains, what);
    assert.deepEqual(kinds(collection.findings), findings, what);
  }
});

test('surplus signatures do not keep a chain from being built upon', () => {
  const surplus = files(1, 2).filter((name) => signatureName.test(name));
  const { active, findings } = sortCollection(
    listed([...files(undefined, 0), ...files(0, 1), ...surplus]),
    [],
  );
  assert.equal(active?.base.end, t0 + day);
  assert.deepEqual(kinds(findings), ['surplus-signatures']);
});

test('a chain that lacks signatures of any of its sets is not built upon', () => {
  const chain = [files(undefined, 0), files(0, 1), files(1, 2)];
  const baseWithout = (lost: number): number | undefined =>
    sortCollection(
      listed(chain.flatMap((names, at) => (at === lost ? without(names, signatureName) : names))),
      [],
    ).active?.base.end;
  assert.deepEqual([0, 1, 2, 3].map(baseWithout), [undefined, undefined, undefined, t0 + 2 * day]);
  const local = listed(chain.flat().filter((name) => signatureName.test(name)));
  const restored = sortCollection(listed(without(chain.flat(), signatureName)), local);
  assert.deepEqual(
    restored.active?.signatures.map(({ place }) => place),
    ['local', 'local', 'local'],
  );
});

test('of two files for one volume the one counts that duplicity wrote, encrypted where the manifest is', () => {
  const volume = 'duplicity-full.20231114T221320Z.vol1.difftar';
  const pick = (manifest: string, ...names: string[]): string | undefined => {
    const { chains, findings } = sortCollection(
      listed([`duplicity-full.20231114T221320Z.manifest${manifest}`, ...names]),
      [],
    );
    const extra = findings.filter(({ kind }) => kind === 'extra-file');
    assert.equal(extra.length, names.length - 1);
    for (const finding of extra) {
      assert.ok(finding.kind === 'extra-file');
      assert.equal(finding.counted, chains[0]?.full.volumes.get(1));
      assert.match(describeFinding(finding), /which is used$/u);
    }
    return chains[0]?.full.volumes.get(1)?.name;
  };
  assert.equal(pick('', `${volume}.gz`, `${volume}.gz.bak`), `${volume}.gz`);
  assert.equal(pick('.gpg', `${volume}.gz`, `${volume}.gpg`, `${volume}.gpg.old`), `${volume}.gpg`);
  assert.equal(pick('', `${volume}.bak`, `${volume}.bal`), `${volume}.bak`);
  const { chains, findings } = sortCollection(
    listed([
      'duplicity-full.20231114T221320Z.manifest',
      'duplicity-full.20231114T221320Z.manifest.gpg',
    ]),
    [],
  );
  assert.equal(chains[0]?.full.manifest?.file.coding, 'openpgp');
  assert.ok(kinds(findings).includes('extra-file'));
});

test('an unfinished manifest makes a set interrupted, not incomplete, unless the destination has a whole one', () => {
  const remote = [...files(undefined, 0), ...without(files(0, 1, 2), manifestName, signatureName)];
  const local = listed([...files(undefined, 0).filter((name) => !/\.dt/u.test(name)), 'di.s44we8.s46r28.m.p', 'dns.s44we8.s46r28.st.p']); // prettier-ignore
  const collection = sortCollection(listed(remote), local);
  assert.deepEqual(shape(collection), [[0]]);
  assert.deepEqual(kinds(collection.findings), ['interrupted-set']);
  assert.equal(collection.interrupted[0]?.volumes.size, 2);
  assert.equal(collection.active?.base.end, t0);
  const committed = sortCollection(
    listed([...remote, ...files(0, 1)].filter((name, at, all) => all.indexOf(name) === at)),
    local,
  );
  assert.deepEqual(shape(committed), [[0, 1]]);
  assert.deepEqual(committed.interrupted, []);
  const onlyLocal = sortCollection([], listed(['df.s44we8.m.p']));
  assert.equal(onlyLocal.interrupted.length, 1);
  // On the destination an unfinished manifest means nothing.
  const strange = sortCollection(listed(['df.s44we8.m.p', 'df.s44we8.1.dt']), []);
  assert.deepEqual(kinds(strange.findings), ['extra-file', 'incomplete-set']);
});

test('a time gives the newest state that is not later, in the chain that covers it', () => {
  const collection = sortCollection(
    listed([
      ...files(undefined, 1),
      ...files(1, 2),
      ...files(2, 4),
      ...files(undefined, 6),
      ...files(6, 7),
    ]),
    [],
  );
  const days = (time: number | undefined): number[] => {
    const chosen = chooseSets(collection, time === undefined ? undefined : t0 + time * day);
    assert.equal(chosen.time, chosen.sets.at(-1)?.end);
    return chosen.sets.map(({ end }) => (end - t0) / day);
  };
  assert.deepEqual(days(0), [1]);
  assert.deepEqual(days(1), [1]);
  assert.deepEqual(days(1.5), [1]);
  assert.deepEqual(days(2), [1, 2]);
  assert.deepEqual(days(3.9), [1, 2]);
  assert.deepEqual(days(4), [1, 2, 4]);
  assert.deepEqual(days(5), [1, 2, 4]);
  assert.deepEqual(days(6.5), [6]);
  assert.deepEqual(days(99), [6, 7]);
  assert.deepEqual(days(undefined), [6, 7]);
  const overlapping = sortCollection(
    listed([...files(undefined, 0), ...files(0, 5), ...files(undefined, 3)]),
    [],
  );
  const at = (time: number): number[] =>
    chooseSets(overlapping, t0 + time * day).sets.map(({ end }) => (end - t0) / day);
  assert.deepEqual([at(2), at(3), at(4), at(5)], [[0], [3], [0], [0, 5]]);
  assert.throws(
    () => chooseSets(sortCollection([], [])),
    (error) => hasCode(error, 'snapshot/missing'),
  );
});

test('reading a collection lists once, ignores foreign names, and never hides a failure', async () => {
  await using storage = new MemoryStorage();
  for (const name of [...files(undefined, 0), 'README', `sub/${files(undefined, 1)[0]}`]) {
    await storage.put(name, new Uint8Array(3));
  }
  const collection = await readCollection(storage, naming, undefined);
  assert.equal(collection.remote.length, 3);
  assert.deepEqual(shape(collection), [[0]]);
  const down = new Error('down');
  for (const step of [down, { after: down }]) {
    await assert.rejects(
      readCollection(faulty(storage, { list: [step] }), naming, undefined),
      down,
    );
  }
  await storage.put('duplicity-full.20231114T221320Z.manifest.p7m', new Uint8Array());
  await assert.rejects(readCollection(storage, naming, undefined), (error) =>
    hasCode(error, 'repository/unsupported'),
  );
});

function manifestOfVolumes(count: number, more = ''): Uint8Array {
  const sections = Array.from(
    { length: count },
    (_, index) =>
      `Volume ${index + 1}:\n    StartingPath   .  \n    EndingPath     .  \n    Hash SHA1 ${'0'.repeat(40)}\n`,
  );
  return utf8(sections.join('') + more);
}

test('manifests are compared with what is there', async () => {
  const remote = listed([
    ...without(files(undefined, 0, 4), /\.2\.dt/u),
    ...files(0, 1),
    ...files(1, 2),
  ]);
  const collection = sortCollection(remote, []);
  assert.deepEqual(kinds(collection.findings), ['missing-volumes']);
  const manifestOf = (listing: Uint8Array): ReturnType<typeof parseManifest> =>
    parseManifest(listing, { name: 'm' });
  const found = await crossCheck(collection, async ({ end }) => {
    if (end === t0) return manifestOf(manifestOfVolumes(5));
    if (end === t0 + day) return manifestOf(manifestOfVolumes(1, 'Filelist 2\n'));
    return manifestOf(utf8(''));
  });
  assert.deepEqual(kinds(found), ['doubtful-manifest', 'missing-volumes', 'unreadable-manifest']);
  const missing = found.find(({ kind }) => kind === 'missing-volumes');
  assert.deepEqual(missing?.kind === 'missing-volumes' && missing.volumes, [2, 5]);
  const [full] = collection.chains[0]?.sets ?? [];
  assert.ok(full);
  assert.deepEqual(
    kinds(compareWithManifest(full, manifestOf(manifestOfVolumes(3, 'Filelist 0\n')))),
    ['missing-volumes', 'unlisted-volumes'],
  );
  // Without the list, which stands at the end, the volumes were described in what is cut off.
  assert.deepEqual(kinds(compareWithManifest(full, manifestOf(manifestOfVolumes(3)))), [
    'cut-manifest',
    'missing-volumes',
  ]);
  requireVolumes(full, [1, 3]);
  assert.throws(
    () => requireVolumes(full, [1, 2]),
    (error) => hasCode(error, 'repository/damaged'),
  );
  const down = new Error('down');
  await assert.rejects(crossCheck(collection, async () => { throw down; }), down); // prettier-ignore
});
