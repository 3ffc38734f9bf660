import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { systemTimeZone } from '../../src/base/time-zone.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { runForTest } from './command-line.ts';

const timeZone = systemTimeZone();

/** A directory with a configuration, and a command line that works there. */
async function machine(configuration: string) {
  const directory = await temporaryDirectory();
  const of = (name: string): string => path.join(directory.path, name);
  const configure = (text: string): Promise<void> => writeFile(of('holdfast.yaml'), text);
  await configure(configuration);
  await configure(configuration);
  const run = (...words: string[]) =>
    runForTest(words, {
      environment: { HOME: directory.path },
      context: { workingDirectory: directory.path, timeZone },
    });
  return { of, configure, run, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

const jobs = (...lines: string[]): string =>
  ['jobs:', ...lines.map((line) => `  ${line}`), ''].join('\n');
const documents = 'documents: { sources: [/home], destination: "sftp://nas/x", schedule: daily }';
const pictures = 'pictures: { sources: [/srv], destination: "sftp://nas/x", schedule: weekly }';

test('units are written, made anew as a whole, and removed', async () => {
  await using here = await machine(jobs(documents, pictures));
  await mkdir(here.of('units'));
  await writeFile(here.of('units/other.service'), '[Service]\n');
  const install = ['systemd', 'install', '--config', 'holdfast.yaml', '--directory', 'units'];
  const units = async (): Promise<string[]> => (await readdir(here.of('units'))).sort();
  const first = await here.run(...install);
  assert.equal(first.status, 0, first.stderr.text);
  assert.match(
    first.stderr.text,
    /systemctl enable --now holdfast@documents\.timer holdfast@pictures\.timer/u,
  );
  assert.deepEqual(await units(), [
    'holdfast@documents.service',
    'holdfast@documents.timer',
    'holdfast@pictures.service',
    'holdfast@pictures.timer',
    'other.service',
  ]);
  const service = await readFile(here.of('units/holdfast@documents.service'), 'utf8');
  assert.match(
    service,
    new RegExp(
      `^ExecStart=/.*/bin/holdfast job run documents --config ${here.of('holdfast.yaml')}$`,
      'mu',
    ),
  );

  await here.configure(jobs(documents));
  // Only what belongs to the named job is touched.
  assert.equal((await here.run(...install, 'documents')).status, 0);
  assert.equal((await units()).length, 5);
  const again = await here.run(...install, '--json');
  assert.deepEqual(again.stdout.records[0]?.['removed'], [
    'holdfast@pictures.service',
    'holdfast@pictures.timer',
  ]);

  assert.equal((await here.run(...install, '--server')).status, 0);
  assert.deepEqual(await units(), ['holdfast.service', 'other.service']);
  assert.equal((await here.run('systemd', 'remove', '--directory', 'units')).status, 0);
  assert.deepEqual(await units(), ['other.service']);
});

test('a unit of somebody else is left alone, and so is everything when a schedule cannot be kept', async () => {
  await using here = await machine(jobs(documents));
  await mkdir(here.of('units'));
  const own = here.of('units/holdfast@documents.timer');
  await writeFile(own, '[Timer]\nOnCalendar=daily\n');
  const install = ['systemd', 'install', '--config', 'holdfast.yaml', '--directory', 'units'];
  const refused = await here.run(...install);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr.text, /timer" is there and was not made by this command/u);
  assert.deepEqual(await readdir(here.of('units')), ['holdfast@documents.timer']);
  await here.configure(jobs('odd: { sources: [/home], destination: /x, schedule: "0 0 15W * *" }'));
  const odd = await here.run(...install);
  assert.equal(odd.status, 2);
  assert.match(odd.stderr.text, /The schedule of the job "odd" cannot be a timer: /u);
  assert.match((await here.run(...install, 'nobody')).stderr.text, /There is no job "nobody"/u);
});

test('credentials that the configuration names are handed over, those of flags from where they say', async () => {
  await using here = await machine(
    jobs(
      'a: { sources: [/home], destination: { url: "sftp://nas/x", passphrase: { credential: backup-passphrase } } }',
    ),
  );
  const print = ['systemd', 'print', '--config', 'holdfast.yaml'];
  assert.match((await here.run(...print)).stdout.text, /^LoadCredential=backup-passphrase$/mu);
  const given = await here.run(...print, '--credential', 'backup-passphrase=/etc/keys/a');
  assert.match(given.stdout.text, /^LoadCredential=backup-passphrase:\/etc\/keys\/a$/mu);
});

test('no password of the catalog comes into a unit', async () => {
  await using here = await machine(jobs(documents));
  const print = ['systemd', 'print', '--config', 'holdfast.yaml', '--database'];
  const refused = await here.run(...print, 'postgresql://me:geheim@db/x');
  assert.equal(refused.status, 2);
  assert.match(refused.stderr.text, /has a password in it/u);
  assert.ok(!refused.stderr.text.includes('geheim'));
  const allowed = await here.run(...print, 'postgresql://me@db/x');
  assert.match(allowed.stdout.text, /^Environment=HOLDFAST_DATABASE=postgresql:\/\/me@db\/x$/mu);
});

test('the file for cron is written anew as a whole, or stays as it is', async () => {
  await using here = await machine(jobs(documents));
  // Whatever the clocks of this machine are.
  const flags = ['--config', 'holdfast.yaml', '--cron-tz'];
  const install = ['cron', 'install', ...flags, '--output', 'cron'];
  for (let times = 0; times < 2; times++) assert.equal((await here.run(...install)).status, 0);
  const text = await readFile(here.of('cron'), 'utf8');
  assert.equal(text.match(/job run documents/gu)?.length, 1);
  assert.match(text, /^0 0 \* \* \* root \/.*\/bin\/holdfast job run documents --config /mu);
  const printed = await here.run('cron', 'print', ...flags);
  assert.equal(printed.stdout.text, text);

  await here.configure(jobs('a: { sources: [/home], destination: /x, schedule: "@every 6h" }'));
  const refused = await here.run(...install);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr.text, /The schedule of the job "a" cannot be kept by cron/u);
  assert.equal(await readFile(here.of('cron'), 'utf8'), text);

  const remove = ['cron', 'remove', '--output', 'cron'];
  assert.equal((await here.run(...remove)).status, 0);
  assert.ok(!(await readdir(here.of('.'))).includes('cron'));
  await writeFile(here.of('cron'), '# my own\n');
  await here.run(...remove);
  assert.equal(await readFile(here.of('cron'), 'utf8'), '# my own\n');
  await here.configure(jobs(documents));
  assert.match((await here.run(...install)).stderr.text, /was not made by this command/u);
});

test('without a file the jobs of the catalog count, with the state directory they are in', async () => {
  await using here = await machine('');
  const state = ['--state-dir', here.of('state')];
  await writeFile(here.of('jobs.yaml'), jobs(documents));
  const imported = await here.run('job', 'import', 'jobs.yaml', ...state);
  assert.equal(imported.status, 0, imported.stderr.text);
  const printed = await here.run('systemd', 'print', 'documents', ...state);
  assert.match(printed.stdout.text, /^ExecStart=\S+ job run documents$/mu, printed.stderr.text);
  assert.match(
    printed.stdout.text,
    new RegExp(`^Environment=HOLDFAST_STATE_DIR=${here.of('state')}$`, 'mu'),
  );
});

test('the guide shows what is printed', async () => {
  const page = await readFile(
    path.join(import.meta.dirname, '../../docs/guide/systemd.md'),
    'utf8',
  );
  const blocks = [...page.matchAll(/^```(yaml|ini)\n([\s\S]*?)^```$/gmu)];
  const [configuration, units, server] = blocks.map(([, , text]) => text ?? '');
  await using here = await machine(configuration ?? '');
  const print = async (...words: string[]): Promise<string> => {
    const flags = ['--config', 'holdfast.yaml', '--program', '/usr/bin/holdfast'];
    const { stdout } = await here.run('systemd', 'print', ...flags, ...words);
    return stdout.text
      .replaceAll(here.of('holdfast.yaml'), '/etc/holdfast/holdfast.yaml')
      .trimEnd();
  };
  assert.equal(units?.trimEnd(), await print());
  assert.equal(server?.trimEnd(), await print('--server'));
});
