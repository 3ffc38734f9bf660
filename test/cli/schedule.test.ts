import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { configurationOf, jobsOf } from '#test/support/scheduled-jobs.ts';
import { SteeredClock } from '#test/support/steered-clock.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { CatalogKey } from '../../src/catalog/catalog-key.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import { type Ran, runForTest } from './command-line.ts';

const now = Date.UTC(2026, 9, 24, 12);
const clock = new SteeredClock(now);
const keyText = CatalogKey.random().reveal();

/** A catalog with jobs, and the program on it. */
async function machine(): Promise<
  AsyncDisposable & {
    run(...words: string[]): Promise<Ran>;
    skips(): Promise<Record<string, number>>;
  }
> {
  const directory = await temporaryDirectory();
  const file = `${directory.path}/catalog.sqlite`;
  const open = () => openCatalog({ location: { file }, key: new CatalogKey(keyText), clock });
  {
    await using catalog = await open();
    await catalog.configuration.replace(
      configurationOf(
        jobsOf({
          documents: { when: '30 2 * * *', timeZone: 'Europe/Berlin' },
          twice: ['0 6 * * *', '0 18 * * *'],
          byHand: 'manual',
        }),
        { settings: { hostname: 'host', timeZone: 'UTC' } },
      ),
      'test',
    );
  }
  return {
    run: (...words) =>
      runForTest([...words, '--state-dir', directory.path], {
        environment: { HOLDFAST_CATALOG_KEY: keyText },
        context: { clock },
      }),
    async skips() {
      await using catalog = await open();
      const states = await catalog.schedules.list();
      return Object.fromEntries([...states].map(([entry, { skipNext }]) => [entry, skipNext]));
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

describe('holdfast schedule next', () => {
  test('shows the next run of everything', async () => {
    await using host = await machine();
    const { status, stdout } = await host.run('schedule', 'next');
    assert.equal(status, 0);
    assert.deepEqual(
      stdout.text
        .trim()
        .split('\n')
        .map((line) => line.split(/ {2,}/u)),
      [
        ['When', 'Job', 'What', 'Schedule'],
        ['Sat 2026-10-24 18:00:00 +00:00', 'twice', 'commands', '0 18 * * *'],
        ['Sun 2026-10-25 02:30:00 +02:00', 'documents', 'commands', '30 2 * * *'],
        ['Sun 2026-10-25 06:00:00 +00:00', 'twice', 'commands', '0 6 * * *'],
      ],
    );
  });

  test('shows several of one job, for programs', async () => {
    await using host = await machine();
    const { stdout } = await host.run('schedule', 'next', 'documents', '--count', '3', '--json');
    assert.deepEqual(
      stdout.records.map(({ job, at, overdue }) => [job, at, overdue]),
      [
        ['documents', '2026-10-25T02:30:00+02:00', false],
        ['documents', '2026-10-26T02:30:00+01:00', false],
        ['documents', '2026-10-27T02:30:00+01:00', false],
      ],
    );
  });

  test('names the job that was probably meant', async () => {
    await using host = await machine();
    const { status, stderr } = await host.run('schedule', 'next', 'docments');
    assert.equal(status, 1);
    assert.match(stderr.text, /There is no job "docments"\n.*"documents"/u);
  });
});

describe('holdfast schedule skip', () => {
  test('leaves out the next runs of all schedules of a job, and takes it back', async () => {
    await using host = await machine();
    const { status, stdout, stderr } = await host.run('schedule', 'skip', 'twice', '-n', '3');
    assert.equal(status, 0);
    assert.equal(
      stdout.text,
      'Left out: Sat 2026-10-24 18:00:00 +00:00\n' +
        'Left out: Sun 2026-10-25 06:00:00 +00:00\n' +
        'Left out: Sun 2026-10-25 18:00:00 +00:00\n',
    );
    assert.match(stderr.text, /next run is at Mon 2026-10-26 06:00:00/u);
    assert.deepEqual(await host.skips(), { 'twice/commands/1': 1, 'twice/commands/2': 2 });
    const next = await host.run('schedule', 'next', 'twice', '-n', '1', '--json');
    assert.equal(next.stdout.records[0]!['at'], '2026-10-26T06:00:00+00:00');
    await host.run('schedule', 'skip', 'twice', '--count', '0');
    assert.deepEqual(await host.skips(), { 'twice/commands/1': 0, 'twice/commands/2': 0 });
  });

  test('refuses a job without a schedule', async () => {
    await using host = await machine();
    const { status, stderr } = await host.run('schedule', 'skip', 'byHand');
    assert.equal(status, 2);
    assert.match(stderr.text, /The job "byHand" has no schedule for "commands"/u);
    assert.deepEqual(await host.skips(), {});
  });
});

describe('holdfast schedule explain', () => {
  const explain = (...words: string[]): Promise<Ran> =>
    runForTest(['schedule', 'explain', ...words], { context: { clock } });

  test('shows the next runs with their distance from UTC', async () => {
    const ran = await explain('30 2 * * *', '--time-zone', 'Europe/Berlin', '--count', '2');
    assert.equal(ran.status, 0);
    assert.equal(
      ran.stdout.text,
      'Sun 2026-10-25 02:30:00 +02:00\nMon 2026-10-26 02:30:00 +01:00\n',
    );
    assert.match(ran.stderr.text, /fixed hours[^]*At most 1 d 00 h/u);
  });

  test('tells programs', async () => {
    const ran = await explain('Mon..Fri', '02:00', 'Asia/Kolkata', '-n', '1', '--json');
    assert.deepEqual(ran.stdout.records, [
      {
        type: 'schedule',
        expression: 'Mon..Fri 02:00 Asia/Kolkata',
        timeZone: 'Asia/Kolkata',
        kind: 'calendar',
        fixedHours: true,
        longestGap: 72 * 3600,
        runs: ['2026-10-26T02:00:00+05:30'],
      },
    ]);
  });

  test('refuses what it cannot read', async () => {
    const ran = await explain('* * * *');
    assert.equal(ran.status, 2);
    assert.match(ran.stderr.text, /^holdfast: "\* \* \* \*" is not a schedule: it has 4 fields/u);
  });
});
