import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

import fc from 'fast-check';

import { missingPrograms } from '#test/servers/required-programs.ts';

import {
  type CalendarExpression,
  nextCronTime,
  parseCron,
} from '../../model/schedule/cron-expression.ts';
import { calendarEvents } from './calendar-event-text.ts';

const skip = missingPrograms(['systemd-analyze']);
const run = promisify(execFile);
const start = Date.UTC(2026, 3, 1, 0, 0, 30);

function parse(text: string): CalendarExpression {
  const expression = parseCron(text);
  assert.ok(expression.kind === 'calendar');
  return expression;
}

/** The next times of all the events together, as systemd sees them. */
async function systemdTimes(events: readonly string[], count: number): Promise<string[]> {
  const { stdout } = await run(
    'systemd-analyze',
    ['calendar', `--base-time=@${start / 1000}`, `--iterations=${count}`, ...events],
    { env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' } },
  );
  const times = [...stdout.matchAll(/(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/gu)].map(
    ([, day, time]) => `${day}T${time}`,
  );
  return [...new Set(times)].sort().slice(0, count);
}

function ourTimes(expression: CalendarExpression, zone: string, count: number): string[] {
  const times: string[] = [];
  let time: number | undefined = start;
  while (times.length < count) {
    time = nextCronTime(expression, zone, time);
    if (time === undefined) break;
    times.push(new Date(time).toISOString().slice(0, 19));
  }
  return times;
}

for (const [text, ...events] of [
  ['0 2 * * *', '*-*-* 02:00:00 UTC'],
  ['*/15 * * * *', '*-*-* *:00/15:00 UTC'],
  ['0 9-17/4 * * MON-FRI', 'Mon,Tue,Wed,Thu,Fri *-*-* 09,13,17:00:00 UTC'],
  ['5,10 4 1 jan,JUL ?', '*-01,07-01 04:05,10:00 UTC'],
  ['*/20 0 12 * * *', '*-*-* 12:00:00,20,40 UTC'],
  ['0 0 * * 7', 'Sun *-*-* 00:00:00 UTC'],
  ['0 0 1 * MON', '*-*-01 00:00:00 UTC', 'Mon *-*-* 00:00:00 UTC'],
  ['0 0 */2 * MON', 'Mon *-*-01/2 00:00:00 UTC'],
  ['0 0 L * *', '*-*~01 00:00:00 UTC'],
  ['0 0 L-2,1 * *', '*-*-01 00:00:00 UTC', '*-*~03 00:00:00 UTC'],
  ['0 0 * * FRI#2', 'Fri *-*-08..14 00:00:00 UTC'],
  ['0 0 * * 1#5', 'Mon *-*-29..31 00:00:00 UTC'],
  ['0 0 * * 5L', 'Fri *-*~01..07 00:00:00 UTC'],
  ['0 0 13 * FRI#1', '*-*-13 00:00:00 UTC', 'Fri *-*-01..07 00:00:00 UTC'],
  ['0 0 29 2 *', '*-02-29 00:00:00 UTC'],
  ['hourly', '*-*-* *:00:00 UTC'],
  ['monthly', '*-*-01 00:00:00 UTC'],
  ['Mon,Fri 2026..2027/1-*-* 10:00', 'Mon,Fri 2026..2027-*-* 10:00:00 UTC'],
] as const) {
  test(`"${text}" means the same to systemd`, { skip }, async () => {
    const expression = parse(text);
    assert.deepEqual(calendarEvents(expression.rule, 'UTC'), events);
    assert.deepEqual(await systemdTimes(events, 6), ourTimes(expression, 'UTC', 6));
  });
}

test('any cron expression means the same to systemd, in another zone too', { skip }, async () => {
  const numbers = (least: number, most: number) =>
    fc.oneof(
      fc.constant('*'),
      fc.integer({ min: least, max: most }).map(String),
      fc.integer({ min: 2, max: most - least - 1 }).map((step) => `*/${step}`),
      fc
        .uniqueArray(fc.integer({ min: least, max: most }), { minLength: 2, maxLength: 6 })
        .map((list) => list.join(',')),
    );
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(numbers(0, 59), numbers(0, 23), numbers(1, 28), numbers(1, 12), numbers(0, 6)),
      // Without changes of the clocks in what is compared.
      fc.constantFrom('UTC', 'Asia/Tokyo', 'Asia/Kolkata'),
      async (fields, zone) => {
        const expression = parse(fields.join(' '));
        const events = calendarEvents(expression.rule, zone);
        assert.deepEqual(
          await systemdTimes(events, 3),
          ourTimes(expression, zone, 3),
          fields.join(' '),
        );
      },
    ),
    { numRuns: 40 },
  );
});

for (const text of ['0 0 15W * *', '0 0 LW * *', '0 0 */2 * FRI#2'])
  test(`"${text}" is refused`, () =>
    assert.throws(() => calendarEvents(parse(text).rule, 'UTC'), {
      code: 'input/invalid',
      message: /^a timer of systemd cannot say /u,
    }));
