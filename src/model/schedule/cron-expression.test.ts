import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Cron } from 'croner';
import fc from 'fast-check';

import { hasCode } from '../../base/errors.ts';
import { nextCronTime, parseCron } from './cron-expression.ts';

const start = Date.UTC(2026, 2, 20, 11, 7, 30);

function runs(text: string, count = 4, zone = 'UTC', after = start): string[] {
  const expression = parseCron(text);
  const found: string[] = [];
  for (let time = nextCronTime(expression, zone, after); time !== undefined;) {
    found.push(new Date(time).toISOString().replace(/(?::00)?\.000Z$/u, ''));
    if (found.length === count) break;
    time = nextCronTime(expression, zone, time);
  }
  return found;
}

describe('cron expressions', () => {
  for (const [text, ...expected] of [
    ['0 2 * * *', '2026-03-21T02:00', '2026-03-22T02:00'],
    ['*/15 * * * *', '2026-03-20T11:15', '2026-03-20T11:30'],
    ['10/20 * * * *', '2026-03-20T11:10', '2026-03-20T11:30', '2026-03-20T11:50'],
    ['0 9-17/4 * * MON-FRI', '2026-03-20T13:00', '2026-03-20T17:00', '2026-03-23T09:00'],
    ['5,10 4 1 jan,JUL ?', '2026-07-01T04:05', '2026-07-01T04:10', '2027-01-01T04:05'],
    ['*/20 0 12 * * *', '2026-03-20T12:00', '2026-03-20T12:00:20', '2026-03-20T12:00:40'],
    ['0 0 * * 7', '2026-03-22T00:00', '2026-03-29T00:00'],
    ['0 0 * * 5-7', '2026-03-21T00:00', '2026-03-22T00:00', '2026-03-27T00:00'],
    ['0 0 * * sat-mon', '2026-03-21T00:00', '2026-03-22T00:00', '2026-03-23T00:00'],
    ['0 0 * * Sunday', '2026-03-22T00:00', '2026-03-29T00:00'],
    // Both days are restricted: either will do. One begins with a star: both have to fit.
    ['0 0 1 * MON', '2026-03-23T00:00', '2026-03-30T00:00', '2026-04-01T00:00'],
    ['0 0 */2 * MON', '2026-03-23T00:00', '2026-04-13T00:00', '2026-04-27T00:00'],
    ['0 0 L * *', '2026-03-31T00:00', '2026-04-30T00:00', '2026-05-31T00:00'],
    ['0 0 L-2,1 * *', '2026-03-29T00:00', '2026-04-01T00:00', '2026-04-28T00:00'],
    // 1 August 2026 is a Saturday, 15 August too, 31 May a Sunday.
    ['0 0 1W 8 *', '2026-08-03T00:00', '2027-08-02T00:00'],
    ['0 0 15W 8 *', '2026-08-14T00:00', '2027-08-16T00:00'],
    ['0 0 31W 5 *', '2026-05-29T00:00', '2027-05-31T00:00'],
    ['0 0 LW * *', '2026-03-31T00:00', '2026-04-30T00:00', '2026-05-29T00:00'],
    ['0 0 * * FRI#2', '2026-04-10T00:00', '2026-05-08T00:00'],
    ['0 0 * * 1#5', '2026-03-30T00:00', '2026-06-29T00:00'],
    ['0 0 * * 5L', '2026-03-27T00:00', '2026-04-24T00:00'],
    ['0 0 * * friL', '2026-03-27T00:00', '2026-04-24T00:00'],
    ['0 0 * * 0#L', '2026-03-29T00:00', '2026-04-26T00:00'],
    ['0 0 29 2 *', '2028-02-29T00:00', '2032-02-29T00:00'],
    ['@hourly', '2026-03-20T12:00', '2026-03-20T13:00'],
    ['hourly', '2026-03-20T12:00', '2026-03-20T13:00'],
    ['@Daily', '2026-03-21T00:00', '2026-03-22T00:00'],
    ['@midnight', '2026-03-21T00:00', '2026-03-22T00:00'],
    ['@weekly', '2026-03-22T00:00', '2026-03-29T00:00'],
    ['@monthly', '2026-04-01T00:00', '2026-05-01T00:00'],
    ['@quarterly', '2026-04-01T00:00', '2026-07-01T00:00'],
    ['@yearly', '2027-01-01T00:00', '2028-01-01T00:00'],
    ['@annually', '2027-01-01T00:00', '2028-01-01T00:00'],
    ['@every 6h', '2026-03-20T17:07:30', '2026-03-20T23:07:30'],
    ['@every 1h30m', '2026-03-20T12:37:30', '2026-03-20T14:07:30'],
    ['  0   2 *  * * ', '2026-03-21T02:00', '2026-03-22T02:00'],
    ['TZ=America/New_York 0 2 * * *', '2026-03-21T06:00', '2026-03-22T06:00'],
    ['CRON_TZ=Asia/Tokyo 0 2 * * *', '2026-03-20T17:00', '2026-03-21T17:00'],
    // Calendar events of systemd.
    ['Mon..Fri 02:00', '2026-03-23T02:00', '2026-03-24T02:00'],
    ['*-*-01 03:00:00', '2026-04-01T03:00', '2026-05-01T03:00'],
    ['Sat,Sun 10:00', '2026-03-21T10:00', '2026-03-22T10:00', '2026-03-28T10:00'],
    ['*:0/15', '2026-03-20T11:15', '2026-03-20T11:30'],
    ['*-*~03', '2026-03-29T00:00', '2026-04-28T00:00'],
    ['Mon *-*~07/1 12:00', '2026-03-30T12:00', '2026-04-27T12:00'],
    ['2027-*-15', '2027-01-15T00:00', '2027-02-15T00:00'],
    ['Thu', '2026-03-26T00:00', '2026-04-02T00:00'],
    ['Mon,Fri *-1,7-1..7 18:30 Europe/Berlin', '2026-07-03T16:30', '2026-07-06T16:30'],
  ] as const) {
    test(text, () => assert.deepEqual(runs(text, expected.length), expected));
  }

  test('a year that is over never comes again', () => {
    assert.deepEqual(runs('2020-*-* 10:00', 1, 'UTC', Date.UTC(2026, 0, 1)), []);
  });

  for (const [text, message] of [
    ['* * * *', /has 4 fields, a cron expression has 5$/u],
    ['* * * * * * *', /has 7 fields/u],
    ['', /has 0 fields/u],
    ['nightly', /has 1 field, /u],
    ['60 * * * *', /minute "60" is not valid: it goes from 0 to 59/u],
    ['0 24 * * *', /hour "24" .*it goes from 0 to 23/u],
    ['0 0 0 * *', /day of the month "0"/u],
    ['0 0 * 13 *', /month "13"/u],
    ['0 0 * * 8', /day of the week "8"/u],
    ['0 0 * febuary *', /there is no "febuary"/u],
    ['0 0 * * *,', /day of the week "\*,"/u],
    ['0 22-2 * * *', /range "22-2" runs backwards/u],
    ['*/0 * * * *', /a step is at least 1/u],
    ['*/90 * * * *', /step 90 is longer than the field/u],
    ['0 0 * * L', /5L is the last Friday/u],
    ['0 0 * * 5#6', /1 to 5/u],
    ['0 0 31 2 *', /No day fits/u],
    ['@dayly', /There is no "@dayly"/u],
    ['@every', /There is no "@every"/u],
    ['@every soon', /"soon" is not a duration/u],
    ['@every 0s', /less than a second/u],
    ['TZ=Europe/Berlinn 0 2 * * *', /no time zone "Europe\/Berlinn"/u],
    ['Mon..Fri 25:00', /hour "25"/u],
    ['Mon..Fry 02:00', /"Mon\.\.Fry" is no part/u],
    ['*-*-32 02:00', /day of the month "32"/u],
    ['02:00 Mars/Olympus', /no time zone/u],
  ] as const) {
    test(`"${text}" is refused in one sentence`, () => {
      assert.throws(
        () => parseCron(text),
        (error) => hasCode(error, 'input/invalid') && message.test(error.message),
      );
    });
  }

  test('are met as croner says, where both speak the same language', () => {
    const numbers = (least: number, most: number) =>
      fc.oneof(
        { weight: 3, arbitrary: fc.constant('*') },
        fc.integer({ min: least, max: most }).map(String),
        fc.integer({ min: 2, max: Math.floor((most - least) / 2) }).map((step) => `*/${step}`),
        fc
          .tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }))
          .map(([one, other]) => `${Math.min(one, other)}-${Math.max(one, other)}`),
        fc
          .array(fc.integer({ min: least, max: most }), { minLength: 2, maxLength: 4 })
          .map((list) => list.join(',')),
      );
    const days = fc.oneof(
      fc.constant('*'),
      fc.integer({ min: 1, max: 28 }).map(String),
      fc.constantFrom('L', '1-7', '10,20,30', '15W', '1W', '31'),
    );
    const weekdays = fc.oneof(
      fc.constant('*'),
      fc.integer({ min: 0, max: 7 }).map(String),
      fc.constantFrom('1-5', 'MON,THU', '6#2', '5L', '0,3'),
    );
    fc.assert(
      fc.property(
        fc.tuple(
          fc.constantFrom('', '0 ', '30 ', '*/7 '),
          numbers(0, 59),
          numbers(0, 23),
          days,
          fc.oneof(fc.constant('*'), fc.constantFrom('2', '1-3', 'JUN', '*/3')),
          weekdays,
        ),
        fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2030, 0, 1) }),
        ([second, minute, hour, day, month, weekday], after) => {
          const text = `${second}${minute} ${hour} ${day} ${month} ${weekday}`;
          const wanted = new Cron(text, { timezone: 'UTC' }).nextRuns(5, new Date(after));
          // 31 June.
          fc.pre(wanted.length > 0);
          assert.deepEqual(
            runsAfter(text, after, 5),
            wanted.map((date) => date.toISOString()),
            text,
          );
        },
      ),
      { numRuns: 400 },
    );
  });
});

function runsAfter(text: string, after: number, count: number): string[] {
  const expression = parseCron(text);
  const found: string[] = [];
  let time = after;
  while (found.length < count) {
    const next = nextCronTime(expression, 'UTC', time);
    if (next === undefined) break;
    found.push(new Date(next).toISOString());
    time = next;
  }
  return found;
}
