import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, describe, test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { ConfigurationError, problemText } from './configuration-problem.ts';
import { readConfiguration } from './read-configuration.ts';
import { secretPlaces } from './secret-places.ts';

const yaml = `
jobs:
  documents:
    sources: /home/anna/Documents
    destination: offsite
    schedule: daily
    retention: { keepDaily: 7, policy: "1W:1D,4W:1W" }
    notify: [ops]
  shop:
    databases: [postgresql://db/shop]
    destinations: [/mnt/disk, { url: offsite, format: native }]
    filters: { exclude: "*.o" }
  dump:
    steps: { extract: "pg_dump > $SRC/a", load: "cp" }
  nightly:
    commands: ["echo one", { name: second, command: echo two }]
destinations:
  offsite: { url: s3://bucket/host, passphrase: { file: /run/secrets/offsite } }
channels:
  ops: ntfy://ntfy.example/topic
settings: { parallel: 3, timeZone: Europe/Berlin }
`;

const made = new AsyncDisposableStack();
after(() => made.disposeAsync());

async function write(files: Readonly<Record<string, string>>): Promise<string> {
  const { path: directory } = made.use(await temporaryDirectory());
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(directory, name)), { recursive: true });
    await writeFile(path.join(directory, name), text);
  }
  return directory;
}

/** What is wrong with a file, without the directory. */
async function problemsIn(
  files: Readonly<Record<string, string>>,
  entry = Object.keys(files)[0]!,
): Promise<string[]> {
  const directory = await write(files);
  const error = await readConfiguration(path.join(directory, entry)).then(
    () => assert.fail('it was taken'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConfigurationError, String(error));
  assert.equal(error.code, 'input/invalid');
  return error.problems.map((one) => problemText(one).replaceAll(`${directory}/`, ''));
}

describe('a configuration', () => {
  test('is the same in YAML, JSON and TOML', async () => {
    const json = {
      jobs: { one: { sources: ['/etc'], destination: '/mnt/disk', schedule: { when: '@daily' } } },
      settings: { parallel: 3 },
    };
    const toml = `[jobs.one]\nsources = ["/etc"]\ndestination = "/mnt/disk"\nschedule = { when = "@daily" }\n[settings]\nparallel = 3\n`;
    const asYaml = `jobs: {one: {sources: [/etc], destination: /mnt/disk, schedule: {when: "@daily"}}}\nsettings: {parallel: 3}`;
    const directory = await write({
      'a.json': JSON.stringify(json),
      'a.toml': toml,
      'a.yaml': asYaml,
    });
    const [first, ...others] = await Promise.all(
      ['json', 'toml', 'yaml'].map(
        async (kind) => (await readConfiguration(path.join(directory, `a.${kind}`))).configuration,
      ),
    );
    assert.deepEqual(first, {
      jobs: [
        {
          name: 'one',
          kind: 'backup',
          sources: ['/etc'],
          destinations: [{ url: '/mnt/disk' }],
          schedule: { when: '@daily' },
        },
      ],
      destinations: {},
      channels: {},
      periodicities: {},
      settings: { parallel: 3 },
    });
    for (const other of others) assert.deepEqual(other, first);
  });

  test('knows what kind a job is, and short ways to write', async () => {
    const directory = await write({ 'a.yaml': yaml });
    const { configuration } = await readConfiguration(path.join(directory, 'a.yaml'));
    const [documents, shop, dump, nightly] = configuration.jobs;
    assert.deepEqual(
      configuration.jobs.map(({ name, kind }) => [name, kind]),
      [
        ['documents', 'backup'],
        ['shop', 'backup'],
        ['dump', 'task'],
        ['nightly', 'commands'],
      ],
    );
    assert.ok(documents?.kind === 'backup' && shop?.kind === 'backup');
    assert.deepEqual(documents.sources, ['/home/anna/Documents']);
    assert.deepEqual(documents.notify, [{ channel: 'ops' }]);
    assert.deepEqual(shop.databases, [{ url: 'postgresql://db/shop' }]);
    assert.deepEqual(shop.destinations, [
      { url: '/mnt/disk' },
      { url: 'offsite', format: 'native' },
    ]);
    assert.deepEqual(shop.filters, { exclude: ['*.o'] });
    assert.ok(dump?.kind === 'task' && nightly?.kind === 'commands');
    assert.deepEqual(nightly.commands, [
      { name: '1', command: 'echo one' },
      { name: 'second', command: 'echo two' },
    ]);
  });

  test('may lie in a directory, and include others', async () => {
    const directory = await write({
      'conf/10-jobs.yaml': 'include: [../jobs/*.yaml, ../more.toml]',
      'conf/20-settings.json': '{"settings":{"parallel":4}}',
      'conf/notes.txt': 'no configuration',
      'conf/.hidden.yaml': 'nonsense: 1',
      'jobs/b.yaml': 'jobs: {b: {sources: /b, destination: /mnt}}',
      'jobs/a.yaml': 'jobs: {a: {sources: /a, destination: /mnt}}',
      'more.toml': '[settings]\nhostname = "host"',
    });
    const { configuration, files } = await readConfiguration(path.join(directory, 'conf'));
    assert.deepEqual(
      configuration.jobs.map(({ name }) => name),
      ['a', 'b'],
    );
    assert.deepEqual(configuration.settings, { hostname: 'host', parallel: 4 });
    assert.deepEqual(
      files.map((file) => path.relative(directory, file)),
      ['conf/10-jobs.yaml', 'jobs/a.yaml', 'jobs/b.yaml', 'more.toml', 'conf/20-settings.json'],
    );
  });

  test('files that include each other are read once', async () => {
    const directory = await write({
      'a.yaml': 'include: b.yaml\nsettings: {parallel: 2}',
      'b.yaml': 'include: a.yaml',
    });
    const { files } = await readConfiguration(path.join(directory, 'a.yaml'));
    assert.equal(files.length, 2);
  });
});

test('files of secrets are meant beside the file that names them', async () => {
  const directory = await write({
    'a.yaml':
      'include: more/b.yaml\ndestinations: {x: {url: {file: url}, passphrase: {file: /run/p}}}',
    'more/b.yaml': 'destinations: {y: {url: /mnt, passphrase: {file: p}}}',
  });
  const { destinations } = (await readConfiguration(path.join(directory, 'a.yaml'))).configuration;
  assert.deepEqual(destinations, {
    x: { url: { file: path.join(directory, 'url') }, passphrase: { file: '/run/p' } },
    y: { url: '/mnt', passphrase: { file: path.join(directory, 'more/p') } },
  });
});

describe('what is wrong', () => {
  test('is told by file and line, all of it, in order', async () => {
    assert.deepEqual(
      await problemsIn({
        'a.yaml': `jobs:
  documents:
    sources: [/x]
    destination: /mnt
    shedule: daily
    retention: { keepDaily: seven }
  hooked:
    sources: /x
    destination: { url: 5 }
    hooks:
      - when: befor
        command: x
  bare:
    sources: /x
  task:
    steps: { laod: y }
settings:
  parallel: 0
`,
      }),
      [
        'a.yaml:5: jobs.documents.shedule: There is no "shedule" here; did you mean "schedule"?',
        'a.yaml:6: jobs.documents.retention.keepDaily: Must be a number',
        'a.yaml:9: jobs.hooked.destination.url: Must be a text or an object',
        'a.yaml:11: jobs.hooked.hooks.0.when: Must be before, after, success, warning, failure, skip, finally',
        'a.yaml:13: jobs.bare: Nothing says where to: give a "destination"',
        'a.yaml:16: jobs.task.steps.laod: There is no "laod" here; did you mean "load"?',
        'a.yaml:18: settings.parallel: Must be at least 1',
      ],
    );
  });

  for (const [what, text, told] of [
    [
      'a channel that is not there',
      'jobs: {a: {sources: /x, destination: /m, notify: [opps]}}\nchannels: {ops: ntfy://h/t}',
      'a.yaml:1: jobs.a.notify.0: There is no channel "opps"; did you mean "ops"?',
    ],
    [
      'a destination that is not there',
      'jobs: {a: {sources: /x, destination: ofsite}}\ndestinations: {offsite: /mnt}',
      'a.yaml:1: jobs.a.destinations.0: There is no destination "ofsite"; did you mean "offsite"?',
    ],
    [
      'a hook for a destination that the job does not have',
      'jobs: {a: {sources: /x, destination: /m, hooks: [{when: before, command: x, destination: two}]}}',
      'a.yaml:1: jobs.a.hooks.0.destination: The job has no destination "two"; its destinations are called "1"',
    ],
    [
      'a passphrase that everybody knows',
      'jobs: {a: {sources: /x, destination: {url: /m, passphrase: passphrase}}}',
      'a.yaml:1: jobs.a.destinations.0.passphrase: Is one that everybody knows; choose another, or "unencrypted: true" on purpose',
    ],
    [
      'a span that is none',
      'jobs: {a: {sources: /x, destination: /m, timeout: 5 minutes}}',
      'a.yaml:1: jobs.a.timeout: "5 minutes" is not a duration',
    ],
    [
      'a time zone that is none',
      'settings: {timeZone: Mars/Olympus}',
      'a.yaml:1: settings.timeZone: There is no time zone "Mars/Olympus"',
    ],
    [
      'a policy that keeps nothing',
      'jobs: {a: {sources: /x, destination: /m, retention: {prune: true}}}',
      'a.yaml:1: jobs.a.retention: Nothing says which snapshots stay: give "keepDaily", "keepLast" and the like, or "policy"',
    ],
    [
      'a name that is none',
      'jobs: {"a b": {sources: /x, destination: /m}}',
      'a.yaml:1: jobs.a b: A name has letters, digits, ".", "_" and "-", at most 100, and begins with a letter or digit',
    ],
    [
      'a cron expression with four fields',
      'jobs: {a: {sources: /x, destination: /m, schedule: "* * * *"}}',
      'a.yaml:1: jobs.a.schedule: "* * * *" is not a schedule: it has 4 fields, a cron expression has 5',
    ],
    [
      'a periodicity that is not there',
      'jobs: {a: {sources: /x, destination: /m, schedule: nightly}}\nperiodicities: {nightlly: "0 2 * * *"}',
      'a.yaml:1: jobs.a.schedule: There is no periodicity "nightly"; did you mean "nightlly"?',
    ],
    [
      'a source that is relative',
      'jobs: {a: {sources: x, destination: /m}}',
      'a.yaml:1: jobs.a.sources.0: "x" is not an absolute path',
    ],
    ['no object', '- a', 'a.yaml: Must be an object with "jobs" and the like'],
    ['a key twice', 'jobs: {}\njobs: {}', 'a.yaml:2: "jobs" stands here twice'],
    ['no job', 'jobs: {a: 5}', 'a.yaml:1: jobs.a: Must be an object'],
    [
      'a file that is not there',
      'include: gone.yaml',
      'a.yaml:1: include: There is no file "gone.yaml"',
    ],
  ] as const) {
    test(what, async () => {
      assert.deepEqual(await problemsIn({ 'a.yaml': text }), [told]);
    });
  }

  test('a name in two files', async () => {
    const files = {
      'c/a.yaml': 'jobs: {a: {sources: /x, destination: /m}}',
      'c/b.yaml': '# second\njobs: {a: {sources: /x, destination: /m}}',
    };
    const [told] = await problemsIn(files, 'c');
    assert.match(told!, /^c\/b\.yaml:2: jobs\.a: Is in "c\/a\.yaml" already$/u);
  });

  test('syntax, with its line', async () => {
    const [inYaml] = await problemsIn({ 'a.yaml': 'jobs:\n  a: [1, 2\n' });
    assert.match(inYaml!, /^a\.yaml:\d: /u);
    const [inToml] = await problemsIn({ 'a.toml': 'x = 1\ny = = 2\n' });
    assert.match(inToml!, /^a\.toml:2: /u);
    const [inJson] = await problemsIn({ 'a.json': '{"jobs": {' });
    assert.match(inJson!, /^a\.json:1: /u);
  });

  test('a file that cannot be read', async () => {
    await assert.rejects(readConfiguration('/nowhere/at/all.yaml'), {
      code: 'input/invalid',
      message:
        /^Cannot read the configuration "\/nowhere\/at\/all\.yaml": there is no such file or directory$/u,
    });
  });

  test('many aliases do not make much of little', async () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (let index = 1; index < 12; index++) {
      const before = String.fromCharCode(96 + index);
      const name = String.fromCharCode(97 + index);
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`);
    }
    const [told] = await problemsIn({ 'a.yaml': bomb.join('\n') });
    assert.match(told!, /alias/iu);
  });
});

test('what is likely a mistake is told, and taken', async () => {
  const directory = await write({
    'a.yaml':
      'jobs: {a: {sources: /x, destination: /m, schedule: daily}, T: {steps: {extract: x}}}',
  });
  const { warnings } = await readConfiguration(path.join(directory, 'a.yaml'));
  assert.deepEqual(
    warnings.map(({ message }) => message),
    [
      'Without "retention" every snapshot is kept for ever',
      'The task has no "load" step: nothing is stored by it',
    ],
  );
});

test('names that mean something to JavaScript are names like others, or refused', async () => {
  const job = '{sources: /x, destination: /m}';
  const directory = await write({
    'a.yaml': `jobs: {constructor: ${job}, toString: ${job}}\nsettings: {parallel: 2}`,
  });
  const { configuration } = await readConfiguration(path.join(directory, 'a.yaml'));
  assert.deepEqual(
    configuration.jobs.map(({ name }) => name),
    ['constructor', 'toString'],
  );
  assert.deepEqual(await problemsIn({ 'b.yaml': `jobs:\n  __proto__: ${job}\n` }), [
    'b.yaml:2: jobs.__proto__: Nothing can be called so',
  ]);
  const [told, ...others] = await problemsIn({ 'c.yaml': 'toString: 1\nconstructor: {a: 1}' });
  assert.match(told!, /^c\.yaml:1: toString: There is no "toString" here/u);
  assert.match(others.join(), /constructor: There is no "constructor" here/u);
});

test('names that differ only before they are texts stand there twice', async () => {
  const job = '{sources: /x, destination: /m}';
  assert.deepEqual(await problemsIn({ 'a.yaml': `jobs:\n  1: ${job}\n  "1": ${job}\n` }), [
    'a.yaml:3: "1" stands here twice',
  ]);
});

test('what people call "file" is no place of a secret', async () => {
  const directory = await write({
    'a.yaml':
      'destinations: {file: "s3://bucket/x"}\nsettings: {metricsLabels: {file: production}}\nchannels: {a: {type: webhook, url: {file: hook}}}',
  });
  const { configuration } = await readConfiguration(path.join(directory, 'a.yaml'));
  assert.deepEqual(configuration.destinations, { file: { url: 's3://bucket/x' } });
  assert.deepEqual(configuration.settings.metricsLabels, { file: 'production' });
  assert.deepEqual(secretPlaces(configuration), [
    { path: ['channels', 'a', 'url'], value: { file: path.join(directory, 'hook') } },
  ]);
});

test('a pipe or a device is not read, and something else of the same name in two files is told', async () => {
  const included = { 'a.yaml': 'include: /dev/zero' };
  await assert.rejects(readConfiguration(path.join(await write(included), 'a.yaml')), {
    message: 'The configuration "/dev/zero" is not a file',
  });
  const [told] = await problemsIn({
    'a.yaml': 'jobs: hello\ninclude: b.yaml',
    'b.yaml': 'jobs: {}',
  });
  assert.equal(told, 'a.yaml:1: jobs: Must be an object');
});

test('what cannot be parsed is not quoted: it may be a secret', async () => {
  for (const secret of ['*hunter2', '!hunter2', '|hunter2', '"hunter2', '[hunter2', '@hunter2']) {
    const told = await problemsIn({
      'a.yaml': `destinations:\n  a:\n    passphrase: ${secret}\n    url: /x\n`,
    });
    assert.equal(told.join().includes('hunter2'), false, told.join());
  }
});
