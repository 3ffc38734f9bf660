import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { parseDestinationUrl } from '../storage/url.ts';
import { compilePathFilter } from '../model/path-filter.ts';
import { parseRule } from '../model/filter-rule.ts';
import { checkConfiguration } from './check-configuration.ts';
import { isDuplicatiExport, readDuplicatiExport } from './duplicati-export.ts';
import { scheduleProblems } from './periodicities.ts';

const exported = (changed: Readonly<Record<string, unknown>> = {}, schedule?: unknown): string =>
  JSON.stringify({
    CreatedByVersion: '2.0.6.3',
    Schedule: schedule ?? {
      ID: 1,
      Time: '2023-02-08T12:30:00Z',
      Repeat: '1D',
      AllowedDays: ['mon', 'tue', 'wed', 'thu', 'fri'],
    },
    Backup: {
      ID: '1',
      Name: 'Fotos & Papiere',
      Description: '',
      TargetURL: 'ssh://host//backups/?auth-username=me&auth-password=hidden',
      Sources: ['/home/anna/', '/etc/hosts', '%MY_DOCUMENTS%'],
      Settings: [
        { Name: 'encryption-module', Value: 'aes' },
        { Name: 'passphrase', Value: 'hidden' },
        { Name: 'dblock-size', Value: '50mb' },
        { Name: 'retention-policy', Value: '1W:1D,4W:1W,12M:1M' },
        { Name: '--throttle-upload', Value: '500KB' },
        { Name: 'snapshot-policy', Value: 'Auto' },
      ],
      Filters: [
        { Order: 1, Include: false, Expression: '*.tmp' },
        { Order: 0, Include: true, Expression: '/home/anna/keep.tmp' },
      ],
      ...changed,
    },
    DisplayNames: {},
  });

test('an export is told from a configuration', () => {
  assert.equal(isDuplicatiExport(exported()), true);
  assert.equal(isDuplicatiExport('{"jobs": {}}'), false);
  assert.equal(isDuplicatiExport('AES\u0002\u0000'), true);
  assert.throws(() => readDuplicatiExport('AES\u0002'), {
    message: 'The export of Duplicati is encrypted',
  });
});

test('spaces and characters beyond ASCII in a URL are those that Duplicati reads there', () => {
  const TargetURL = 'webdavs://anna+b:p%2b+q@host/a+b/?auth-password=x+y%2Bz%uc3a4&use-ssl=true#+';
  const { configuration } = readDuplicatiExport(exported({ TargetURL }));
  const [job] = configuration.jobs as readonly {
    readonly destinations: readonly { readonly url: string }[];
  }[];
  const { user, password, path, options } = parseDestinationUrl(job!.destinations[0]!.url);
  assert.equal(user, 'anna b');
  assert.equal(password?.reveal(), 'p+ q');
  assert.equal(path, '/a+b/holdfast');
  assert.equal(options.get('auth-password')?.reveal(), 'x y+zä');
});

test('a job of Duplicati becomes one of ours', () => {
  const { configuration, warnings } = readDuplicatiExport(exported());
  assert.deepEqual(configuration.jobs, [
    {
      name: 'Fotos-Papiere',
      kind: 'backup',
      description: 'From Duplicati: Fotos & Papiere',
      sources: ['/home/anna', '/etc/hosts'],
      destinations: [
        {
          url: 'ssh://host//backups/holdfast?auth-username=me&auth-password=hidden',
          passphrase: 'hidden',
        },
      ],
      filters: {
        rules: [
          '- re:^$',
          String.raw`- re:^(?:.*\.tmp)$`,
          `+ re:^(?:${RegExp.escape('/home/anna/keep.tmp')})$`,
        ],
      },
      retention: { policy: '1W:1D,4W:1W,12M:1M' },
      schedule: { when: '30 12 * * mon,tue,wed,thu,fri', timeZone: 'UTC' },
      resources: { limitUpload: '500K' },
    },
  ]);
  assert.deepEqual(checkConfiguration(configuration).problems, []);
  assert.deepEqual(scheduleProblems(configuration), []);
  assert.deepEqual(warnings, [
    'The source "%MY_DOCUMENTS%" is not taken over: write its path',
    'The archive of Duplicati stays as it is; the job begins a repository of its own in its folder "holdfast"',
    'The option "snapshot-policy" is not taken over',
  ]);
});

for (const [repeat, schedule] of [
  ['1W', { when: '30 12 * * wed', timeZone: 'UTC' }],
  ['1M', { when: '30 12 8 * *', timeZone: 'UTC' }],
  ['6h', { when: '@every 360m' }],
] as const) {
  test(`repeated every ${repeat}`, () => {
    const { configuration } = readDuplicatiExport(
      exported({}, { Time: '2023-02-08T12:30:00Z', Repeat: repeat }),
    );
    assert.deepEqual(configuration.jobs[0]?.schedule, schedule);
    assert.deepEqual(scheduleProblems(configuration), []);
  });
}

test('a month without that day is not left out', () => {
  const { configuration, warnings } = readDuplicatiExport(
    exported({}, { Time: '2023-01-31T02:00:00Z', Repeat: '1M' }),
  );
  assert.deepEqual(configuration.jobs[0]?.schedule, { when: '0 2 L * *', timeZone: 'UTC' });
  assert.deepEqual(scheduleProblems(configuration), []);
  assert.ok(warnings.some((one) => one.startsWith('Not every month has a day 31')));
});

for (const [text, largest, upload] of [
  ['50', '50M', '50K'],
  ['1.5GB', '1.5G', '1.5G'],
  ['700 kb', '700K', '700K'],
  ['300b', '300', '300'],
  ['0', undefined, undefined],
  ['0MB', undefined, undefined],
  ['', undefined, undefined],
] as const) {
  test(`the size "${text}" is what it was`, () => {
    const Settings = [
      { Name: 'skip-files-larger-than', Value: text },
      { Name: 'throttle-upload', Value: text },
    ];
    const [job] = readDuplicatiExport(exported({ Settings, Filters: [] })).configuration.jobs;
    assert.ok(job?.kind === 'backup');
    assert.equal(job.filters?.excludeLargerThan, largest);
    assert.equal(job.resources?.limitUpload, upload);
  });
}

describe('filters mean what they meant', () => {
  /** Whether the job that comes of filters, written as `+ EXPRESSION` and `- EXPRESSION`, takes a file. */
  const isTaken = (filters: readonly string[], path: string): boolean => {
    const Filters = filters.map((filter, Order) => ({
      Order,
      Include: filter.startsWith('+'),
      Expression: filter.slice(2),
    }));
    const [job] = readDuplicatiExport(exported({ Filters })).configuration.jobs;
    assert.ok(job?.kind === 'backup');
    const rules = (job.filters?.rules ?? []).map((rule) =>
      parseRule(rule.slice(2), rule.startsWith('+') ? 'include' : 'exclude'),
    );
    return compilePathFilter(rules).decide(Buffer.from(path), {
      directory: false,
      file: true,
      size: 1,
      modified: 0,
    });
  };

  for (const [filters, taken, left] of [
    [['- *.tmp'], ['/a/b.txt', '/a/b.tmp2'], ['/a/b.tmp', '/a/c/d.tmp']],
    // The first that fits counts.
    [['+ /a/keep.tmp', '- *.tmp'], ['/a/keep.tmp', '/x'], ['/a/other.tmp']],
    [['- *.tmp', '+ /a/keep.tmp'], ['/x'], ['/a/keep.tmp']],
    // A directory with everything in it.
    [['- */cache/'], ['/a/cachefile', '/a/cache'.concat('2/x')], ['/a/cache/x', '/a/cache/y/z']],
    [['- /a?c/x*'], ['/ac/x', '/abc/y'], ['/abc/xyz', '/abc/x/y']],
    [[String.raw`- [.*\.(iso|img)]`], ['/a/iso', '/a.iso.txt'], ['/a/b.iso', '/c.img']],
    [['- @/a/*.txt'], ['/a/b.txt'], ['/a/*.txt']],
    [['- {CacheFiles,temp}'], ['/home/x'], ['/home/me/.cache/x', '/tmp/x', '/a/b~']],
    // Only what is included, if nothing is excluded.
    [['+ *.jpg'], ['/a/b.jpg'], ['/a/b.png']],
    [['+ *.jpg', '- *.png'], ['/a/b.jpg', '/a/b.gif'], ['/a/b.png']],
    [['- *.png', '+ *.jpg'], ['/a/b.jpg', '/a/b.gif'], ['/a/b.png']],
  ] as const) {
    test(filters.join(', '), () => {
      for (const path of taken) assert.equal(isTaken(filters, path), true, path);
      for (const path of left) assert.equal(isTaken(filters, path), false, path);
    });
  }
});
