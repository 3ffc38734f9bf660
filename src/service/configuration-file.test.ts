import assert from 'node:assert/strict';
import { cp, mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { catalogOfRuns } from '#test/support/catalog-of-runs.ts';
import { SteeredClock } from '#test/support/steered-clock.ts';

import {
  configurationFingerprint,
  readConfiguration,
} from '../configuration/read-configuration.ts';
import { ConfigurationFile } from './configuration-file.ts';
import { createLog } from './log.ts';

const yaml = (...names: readonly string[]): string =>
  `jobs:\n${names.map((name) => `  ${name}: { sources: /x, destination: /m }\n`).join('')}`;

async function stage(files: Readonly<Record<string, string>>) {
  const stack = new AsyncDisposableStack();
  const clock = new SteeredClock(Date.UTC(2026, 0, 1));
  const { catalog, directory } = stack.use(await catalogOfRuns(clock));
  const place = path.join(directory, 'configuration');
  await mkdir(place);
  const write = async (name: string, text: string): Promise<void> => {
    // As editors do it.
    const [file, temporary] = [path.join(place, name), path.join(place, `${name}.new`)];
    await writeFile(temporary, text);
    await rename(temporary, file);
  };
  for (const [name, text] of Object.entries(files)) await write(name, text);
  const told: string[] = [];
  const counts = { reads: 0, changes: 0 };
  const open = (of: string, version = '1'): ConfigurationFile =>
    new ConfigurationFile({
      place: path.join(place, of),
      catalog,
      clock,
      version,
      log: createLog(
        () => clock.now(),
        ({ level, message }) => void told.push(`${level}: ${message}`),
      ),
      read: async (from, options) => {
        counts.reads++;
        return await readConfiguration(from, options);
      },
      fingerprint: configurationFingerprint,
      onChange: () => {
        counts.changes++;
        return Promise.resolve();
      },
    });
  const jobs = async (): Promise<string[]> =>
    [...(await catalog.configuration.jobs.list()).keys()].sort();
  const makeDirectory = async (name: string): Promise<void> => {
    await mkdir(path.join(place, name));
  };
  /** As somebody does who updates a directory by a copy of it. */
  const replaceDirectory = async (): Promise<void> => {
    await rename(place, `${place}.old`);
    await cp(`${place}.old`, place, { recursive: true });
    // It is read once more, and then the new directory is watched.
    const { reads } = counts;
    for (let attempt = 0; attempt < 500 && counts.reads === reads; attempt++) await sleep(20);
    assert.ok(counts.reads > reads, 'it was noticed');
  };
  /** They become so by themselves, in a moment. */
  const jobsAre = async (expected: readonly string[]): Promise<void> => {
    for (let attempt = 0; attempt < 500; attempt++) {
      if (JSON.stringify(await jobs()) === JSON.stringify(expected)) return;
      await sleep(20);
    }
    assert.deepEqual(await jobs(), expected);
  };
  return {
    catalog,
    open,
    write,
    rename: (from: string, to: string) => rename(path.join(place, from), path.join(place, to)),
    told,
    counts,
    jobs,
    jobsAre,
    makeDirectory,
    replaceDirectory,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test('a file that has not changed is not read again, also by the next process', async () => {
  await using at = await stage({ 'a.yaml': yaml('one') });
  await using first = at.open('a.yaml');
  await first.start();
  assert.deepEqual(await at.jobs(), ['one']);
  assert.equal(await first.reload(), true);
  await using second = at.open('a.yaml');
  await second.start();
  assert.deepEqual(at.counts, { reads: 1, changes: 1 });
  // Another version of the program may understand it otherwise.
  await using newer = at.open('a.yaml', '2');
  await newer.start();
  assert.equal(at.counts.reads, 2);
});

test('one that has changed is, and so is a directory that got a file', async () => {
  await using at = await stage({ 'a.yaml': yaml('one') });
  await using file = at.open('.');
  await file.start();
  await at.write('a.yaml', yaml('two'));
  assert.equal(await file.reload(), true);
  assert.deepEqual(await at.jobs(), ['two']);
  await at.write('b.yaml', yaml('three'));
  assert.equal(await file.reload(), true);
  assert.deepEqual(await at.jobs(), ['three', 'two']);
  assert.ok(
    at.told.some((line) => line.includes('added: job/three')),
    at.told.join('\n'),
  );
});

test('one that includes others is always read: they may have changed', async () => {
  await using at = await stage({ 'a.yaml': 'include: more.yaml', 'more.yaml': yaml('one') });
  await using file = at.open('a.yaml');
  await file.start();
  await at.write('more.yaml', yaml('two'));
  await file.reload();
  assert.deepEqual(await at.jobs(), ['two']);
});

test('what is watched: the directory that is put in the place of another, new files that a pattern includes', async () => {
  await using at = await stage({ 'a.yaml': 'include: more/*.yaml\njobs: {}' });
  await at.makeDirectory('more');
  await using file = at.open('a.yaml');
  await file.start();
  await at.write('more/one.yaml', yaml('one'));
  await at.jobsAre(['one']);
  await at.replaceDirectory();
  // After this one the new directory is watched for certain.
  await file.reload();
  await at.write('more/two.yaml', yaml('two'));
  await at.jobsAre(['one', 'two']);
});

test('a broken one changes nothing, and is told', async () => {
  await using at = await stage({ 'a.yaml': yaml('one') });
  await using file = at.open('a.yaml');
  await file.start();
  await at.write('a.yaml', 'jobs: { one: { sources: /x, destination: /m, shedule: daily } }');
  assert.equal(await file.reload(), false);
  assert.match(file.problem!, /There is no "shedule" here; did you mean "schedule"\?$/u);
  assert.deepEqual(await at.jobs(), ['one']);
  // A process that starts now goes on with what it said before.
  await using next = at.open('a.yaml');
  await next.start();
  assert.deepEqual(await at.jobs(), ['one']);
  // Back to what it was.
  await at.write('a.yaml', yaml('one'));
  assert.equal(await file.reload(), true);
  assert.equal(file.problem, undefined);
});

test('one that got another name is what it was, and what is left of the old one is told', async () => {
  await using at = await stage({ 'a.yaml': `${yaml('one', 'two')}settings: { parallel: 7 }\n` });
  {
    await using first = at.open('a.yaml');
    await first.start();
  }
  assert.equal((await at.catalog.configuration.read()).settings.parallel, 7);
  await at.rename('a.yaml', 'b.yaml');
  await at.write('b.yaml', yaml('one'));
  {
    await using second = at.open('b.yaml');
    await second.start();
  }
  assert.deepEqual(await at.jobs(), ['one', 'two'], 'nothing that somebody relies on is lost');
  const { configuration } = at.catalog;
  assert.match((await configuration.jobs.get('one'))!.origin, /b\.yaml$/u);
  assert.deepEqual((await configuration.read()).settings, {});
  assert.match(at.told.join('\n'), /warn: The job "two" goes on, but ".*a\.yaml", which it comes/u);
  // Back again, with nothing changed since it was read.
  await at.rename('b.yaml', 'a.yaml');
  await at.write('a.yaml', yaml('one'));
  await using third = at.open('a.yaml');
  await third.start();
  assert.deepEqual(await at.jobs(), ['one']);
});

test('what another file says that is there stays its own', async () => {
  await using at = await stage({ 'a.yaml': yaml('one'), 'b.yaml': yaml('one') });
  await using first = at.open('a.yaml');
  await first.start();
  await using second = at.open('b.yaml');
  await assert.rejects(second.start(), {
    message: /^The job "one" comes from ".*a\.yaml" already$/u,
  });
});

test('a broken one that never was whole is an error', async () => {
  await using at = await stage({ 'a.yaml': 'jobs: 5' });
  await using file = at.open('a.yaml');
  await assert.rejects(file.start(), { code: 'input/invalid' });
});
