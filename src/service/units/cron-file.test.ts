import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import type { Configuration } from '../../model/configuration.ts';
import type { Job } from '../../model/job.ts';
import { cronFile, type CronFileSettings, cronMark } from './cron-file.ts';

const backup = (name: string, more: Partial<Extract<Job, { kind: 'backup' }>> = {}): Job => ({
  kind: 'backup',
  name,
  sources: ['/home'],
  destinations: [{ url: '/mnt/disk' }],
  ...more,
});

function settings(jobs: readonly Job[], more: Partial<CronFileSettings> = {}): CronFileSettings {
  const configuration: Configuration = {
    jobs,
    destinations: {},
    channels: {},
    periodicities: { nightly: '30 3 * * *' },
    settings: {},
  };
  return {
    configuration,
    program: ['/usr/bin/holdfast'],
    configurationFile: undefined,
    user: 'root',
    timeZone: 'Europe/Berlin',
    systemTimeZone: 'Europe/Berlin',
    knowsTimeZones: false,
    host: 'machine',
    environment: {},
    ...more,
  };
}

const jobLines = (text: string): string[] =>
  text.split('\n').filter((line) => line.includes('holdfast job'));

test('one line for each schedule of each enabled job', () => {
  const text = cronFile(
    settings([
      backup('documents', { schedule: 'daily', check: { schedule: 'weekly' } }),
      backup('twice', { schedule: ['nightly', '0 12 * * MON-FRI'] }),
      backup('by-hand', { schedule: 'manual' }),
      backup('off', { schedule: 'daily', enabled: false }),
    ]),
  );
  assert.equal(text.split('\n')[0], cronMark);
  assert.deepEqual(jobLines(text), [
    '0 0 * * * root /usr/bin/holdfast job run documents',
    '0 0 * * 0 root /usr/bin/holdfast job run documents --activity check',
    '30 3 * * * root /usr/bin/holdfast job run twice',
    '0 12 * * 1-5 root /usr/bin/holdfast job run twice',
  ]);
  assert.ok(text.endsWith('\n'), 'cron ignores a last line that does not end');
});

test('the nicknames are those of the charm', () => {
  const names = ['hourly', 'daily', 'weekly', 'monthly'];
  const lines = jobLines(cronFile(settings(names.map((name) => backup(name, { schedule: name })))));
  assert.deepEqual(
    lines.map((line) => line.split(' root ')[0]),
    ['0 * * * *', '0 0 * * *', '0 0 * * 0', '0 0 1 * *'],
  );
});

test('words that mean something to the shell or to cron come through as they are', () => {
  const configurationFile = `/etc/100%/it's "here" $HOME`;
  const [line = ''] = jobLines(
    cronFile(settings([backup('a', { schedule: 'daily' })], { configurationFile })),
  );
  assert.ok(!/(?<!\\)%/u.test(line), line);
  // What cron does with a backslash before a percent sign, then what sh does.
  const command = line.replaceAll(String.raw`\%`, '%').replace(/^.* root \S+/u, 'printf "%s\\n"');
  const words = execFileSync('sh', ['-c', command], { encoding: 'utf8' }).trimEnd().split('\n');
  assert.deepEqual(words, ['job', 'run', 'a', '--config', configurationFile]);
});

test('jitter becomes a pause that is always the same', () => {
  const jobs = [backup('a', { schedule: { when: 'daily', jitter: '1h' } })];
  const [line = ''] = jobLines(cronFile(settings(jobs)));
  const seconds = Number(/ sleep (\d+); /u.exec(line)?.[1]);
  assert.ok(seconds > 0 && seconds < 3600, line);
  assert.deepEqual(jobLines(cronFile(settings(jobs))), [line]);
});

test('other time zones are refused, or said where cron understands it', () => {
  const jobs = [
    backup('tokyo', { schedule: { when: 'daily', timeZone: 'Asia/Tokyo' } }),
    backup('here', { schedule: 'daily' }),
  ];
  assert.throws(() => cronFile(settings(jobs)), {
    code: 'input/invalid',
    message:
      'The schedule of the job "tokyo" cannot be kept by cron: it goes by the clocks of Asia/Tokyo, and cron by those of Europe/Berlin',
  });
  const lines = cronFile(settings(jobs, { knowsTimeZones: true })).split('\n');
  const zone = lines.indexOf('CRON_TZ=Asia/Tokyo');
  assert.match(lines[zone - 1] ?? '', / run here$/u);
  assert.match(lines[zone + 1] ?? '', / run tokyo$/u);
});

for (const [schedule, reason] of [
  ['@every 6h', 'cron cannot say "@every 6h"'],
  ['0 0 L * *', 'cron cannot say days from the end of the month'],
  [{ when: 'daily', minimumGap: '1h' }, 'cron keeps no minimum gap'],
  [
    { when: 'daily', blackout: [{ from: '08:00', until: '18:00' }] },
    'cron keeps no blackout windows',
  ],
] as const)
  test(`${JSON.stringify(schedule)} is refused with the name of the job`, () =>
    assert.throws(() => cronFile(settings([backup('odd', { schedule })])), {
      code: 'input/invalid',
      message: `The schedule of the job "odd" cannot be kept by cron: ${reason}`,
    }));
