import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { parseConfiguration } from './configuration-schema.ts';
import { readConfiguration } from './read-configuration.ts';
import { configurationFormats, configurationText, withoutSecrets } from './write-configuration.ts';

const configuration = parseConfiguration({
  jobs: {
    documents: {
      sources: ['/home/ännä: "x"', '/a\nb'],
      destinations: [{ url: 'sftp://u:hidden@h/d', passphrase: 'hidden' }, 'offsite'],
      schedule: [{ when: '0 2 * * *', jitter: '10m' }, 'weekly'],
      retention: { keepDaily: 7, prune: false },
      filters: { rules: ['- *.o', '+ /x'] },
      options: { 'force-read': true, tag: ['a', 'b'] },
    },
    dump: { steps: { extract: 'pg_dump > "$SRC/x"\n# next', load: 'cp' } },
    nightly: { commands: ['echo one'] },
  },
  destinations: { offsite: { url: '/mnt/disk', unencrypted: true } },
  channels: { ops: 'ntfy://token-hidden@ntfy.example/topic' },
  periodicities: { nightly: '30 3 * * *' },
  settings: { parallel: 3, notify: [{ channel: 'ops', on: ['failed'] }] },
});

for (const format of configurationFormats) {
  test(`what is written as ${format} is read as it was`, async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, `a.${format}`);
    await writeFile(file, configurationText(configuration, format));
    assert.deepEqual((await readConfiguration(file)).configuration, configuration);
  });
}

test('secrets can be left out', () => {
  const text = configurationText(withoutSecrets(configuration), 'yaml');
  assert.doesNotMatch(text, /hidden/u);
  assert.match(text, /passphrase: "\[secret\]"/u);
});

test('the name of a destination or channel hides nothing of what it holds', () => {
  const named = parseConfiguration({
    destinations: { token: { url: 'sftp://u:hidden@h/d', passphrase: 'hidden' } },
    channels: { user: { type: 'slack', url: 'https://hooks.example/hidden' } },
  });
  const text = configurationText(withoutSecrets(named), 'yaml');
  assert.doesNotMatch(text, /hidden/u);
  assert.match(text, /passphrase: "\[secret\]"/u);
});

test('sections that say nothing are not written', () => {
  const text = configurationText(parseConfiguration({ settings: { parallel: 1 } }), 'json');
  assert.deepEqual(JSON.parse(text), { settings: { parallel: 1 } });
});
