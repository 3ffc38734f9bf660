import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { ownMachine } from './own-machine.ts';

const configuration = (source: string, repository: string): string => `
jobs:
  documents:
    sources: [${source}]
    destinations: [{ url: disk }]
    schedule: nightly
    retention: { keepDaily: 7 }
    notify: [{ channel: chat }]
destinations:
  disk: { url: ${repository}, passphrase: correct horse }
channels:
  chat: { type: webhook, url: 'https://hooks.example/secret-topic', enabled: false }
periodicities:
  nightly: '30 3 * * *'
`;

test('jobs are added, shown, switched and removed', async () => {
  await using machine = await ownMachine();
  await machine.write({ letter: 'Dear reader' });
  const added = await machine.run(
    'job',
    'add',
    'documents',
    machine.of('source'),
    '--to',
    machine.of('repository'),
    '--unencrypted',
    '--schedule',
    'daily',
    '--keep-daily',
    '7',
  );
  assert.equal(added.status, 0, added.stderr.text);
  const twice = await machine.run('job', 'add', 'documents', '/etc', '--to', '/mnt');
  assert.equal(twice.status, 1);
  assert.match(twice.stderr.text, /There is a job "documents" already/u);
  const nowhere = await machine.run('job', 'add', 'other', '/etc');
  assert.equal(nowhere.status, 2);
  const odd = await machine.run('job', 'add', 'odd', '/etc', '--to', '/mnt/x', '--schedule', '* *');
  assert.equal(odd.status, 2);
  assert.match(odd.stderr.text, /\* \*/u);

  const ran = await machine.run('job', 'run', 'documents', '--json');
  assert.equal(ran.status, 0, ran.stderr.text);
  const last = ran.stdout.records.at(-1);
  assert.equal(last?.['type'], 'run');
  assert.equal(last['state'], 'succeeded');
  const listed = await machine.run('job', 'list');
  assert.match(listed.stdout.text, /^documents +backup +ok +\d{4}-.* \d{4}-/mu);
  const log = await machine.run('job', 'log', 'documents');
  assert.match(log.stdout.text, /backup to .*repository: succeeded .* 1 file/u);
  const history = await machine.run('job', 'history', 'documents', '--json');
  assert.equal(history.stdout.records[0]?.['id'], last['id']);
  const wrong = await machine.run('job', 'run', 'documents', 'kind=full');
  assert.equal(wrong.status, 1);
  assert.match(wrong.stdout.text, /"kind" is no parameter/u);
  assert.equal((await machine.run('job', 'run', 'documents', 'full')).status, 2);

  await machine.run('job', 'disable', 'documents');
  assert.match((await machine.run('job', 'list')).stdout.text, /documents +backup +disabled/u);
  await machine.run('job', 'enable', 'documents');
  const refused = await machine.run('job', 'remove', 'documents');
  assert.equal(refused.status, 2, 'nobody can be asked');
  assert.equal((await machine.run('job', 'remove', 'documents', '--yes')).status, 0);
  const gone = await machine.run('job', 'show', 'documents');
  assert.equal(gone.status, 1);
  assert.match(gone.stderr.text, /There is no job "documents"/u);
  assert.match((await machine.run('job', 'history', 'documents')).stdout.text, /succeeded/u);
});

test('what is exported is imported elsewhere, with its secrets or not at all', async () => {
  await using machine = await ownMachine();
  await machine.write({ letter: 'Dear reader' });
  const file = machine.of('jobs.yaml');
  await writeFile(file, configuration(machine.of('source'), machine.of('repository')));
  const tried = await machine.run('job', 'import', file, '--dry-run');
  assert.equal(tried.status, 0, tried.stderr.text);
  assert.equal((await machine.run('job', 'list')).stdout.text, '');
  assert.equal((await machine.run('job', 'import', file)).status, 0);
  const again = await machine.run('job', 'import', file, '--json');
  assert.deepEqual(
    again.stdout.records.map(({ action }) => action),
    ['keep', 'keep', 'keep', 'keep'],
  );

  const shown = await machine.run('job', 'export');
  assert.doesNotMatch(shown.stdout.text, /correct horse|secret-topic/u);
  const masked = machine.of('masked.yaml');
  await writeFile(masked, shown.stdout.text);
  const refused = await machine.run('job', 'import', masked, '--replace');
  assert.equal(refused.status, 2);
  assert.match(refused.stderr.text, /Secrets .* were left out/u);

  const whole = machine.of('whole.json');
  const written = await machine.run('job', 'export', 'documents', '--with-secrets', '-O', whole);
  assert.equal(written.status, 0, written.stderr.text);
  assert.equal((await stat(whole)).mode & 0o777, 0o600);
  const content = JSON.parse(await readFile(whole, 'utf8')) as Record<string, object>;
  assert.deepEqual(Object.keys(content).toSorted(), [
    'channels',
    'destinations',
    'jobs',
    'periodicities',
  ]);
  const other = ['--state-dir', machine.of('other')];
  assert.equal((await machine.run('job', 'import', whole, ...other)).status, 0);
  const ran = await machine.run('job', 'run', 'documents', ...other);
  assert.equal(ran.status, 0, ran.stderr.text);
  assert.doesNotMatch(ran.stdout.text + ran.stderr.text, /correct horse/u);

  await writeFile(file, 'jobs: { documents: { sourcs: [/etc] } }');
  const broken = await machine.run('job', 'import', file, '--replace');
  assert.equal(broken.status, 2);
  assert.match(broken.stderr.text, /sources/u);
  assert.match((await machine.run('job', 'show', 'documents')).stdout.text, /nightly/u);
});

test('a drill of a repository by its URL', async () => {
  await using machine = await ownMachine();
  await machine.write({ letter: 'Dear reader', 'list.txt': 'one' });
  await machine.run('backup', machine.of('source'), machine.of('repository'));
  const drill = await machine.run('drill', machine.of('repository'), '--json');
  assert.equal(drill.status, 0, drill.stdout.text + drill.stderr.text);
  assert.equal(drill.stdout.records.at(-1)?.['state'], 'succeeded');
  const nothing = await machine.run('drill', machine.of('nothing'));
  assert.equal(nothing.status, 10);
  assert.match(nothing.stdout.text, /There is no repository/u);
});
