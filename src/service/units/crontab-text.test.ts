import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Cron } from 'croner';
import fc from 'fast-check';

import { type CalendarExpression, parseCron } from '../../model/schedule/cron-expression.ts';
import { crontabFields } from './crontab-text.ts';

function parse(text: string): CalendarExpression {
  const expression = parseCron(text);
  assert.ok(expression.kind === 'calendar');
  return expression;
}

for (const [text, fields] of [
  ['hourly', '0 * * * *'],
  ['daily', '0 0 * * *'],
  ['weekly', '0 0 * * 0'],
  ['monthly', '0 0 1 * *'],
  ['*/15 * * * *', '*/15 * * * *'],
  ['0 9-17 * * MON-FRI', '0 9-17 * * 1-5'],
  ['0 2 * * MON-SAT', '0 2 * * 1-6'],
  ['30 1,4 1 jan,jul ?', '30 1,4 1 1,7 *'],
  ['0 0 1,15 * SUN', '0 0 1,15 * 0'],
  ['0 0 */2 * MON', '0 0 */2 * 1'],
  ['Mon..Fri 22:30', '30 22 * * 1-5'],
  ['*-*-01 03:00', '0 3 1 * *'],
] as const)
  test(`"${text}" in five fields`, () => assert.equal(crontabFields(parse(text).rule), fields));

for (const [text, what] of [
  ['30 0 2 * * *', 'seconds'],
  ['2027-*-* 02:00', 'years'],
  ['0 0 L * *', 'days from the end of the month'],
  ['0 0 15W * *', 'the working day that is nearest to a date'],
  ['0 0 * * FRI#2', 'the first, second … or last weekday of a month'],
  ['Mon *-*-01..07 02:00', 'a date that has to be a certain weekday as well'],
] as const)
  test(`"${text}" is refused`, () =>
    assert.throws(() => crontabFields(parse(text).rule), {
      code: 'input/invalid',
      message: `cron cannot say ${what}`,
    }));

test('the fields mean what they were made from', () => {
  const numbers = (least: number, most: number) =>
    fc.oneof(
      fc.constant('*'),
      fc.integer({ min: least, max: most }).map(String),
      fc.integer({ min: 2, max: most - least - 1 }).map((step) => `*/${step}`),
      fc
        .uniqueArray(fc.integer({ min: least, max: most }), { minLength: 2, maxLength: 6 })
        .map((list) => list.join(',')),
    );
  const start = new Date(Date.UTC(2026, 0, 1));
  fc.assert(
    fc.property(
      fc.tuple(numbers(0, 59), numbers(0, 23), numbers(1, 28), numbers(1, 12), numbers(0, 6)),
      (given) => {
        const written = crontabFields(parse(given.join(' ')).rule);
        assert.deepEqual(parse(written).rule, parse(given.join(' ')).rule);
        // Another reader, where a star with a step and a weekday do not come together: there cron's rule is a special one.
        fc.pre(!given[2].startsWith('*/') && !given[4].startsWith('*/'));
        const other = new Cron(written, { timezone: 'UTC' }).nextRuns(3, start);
        const wanted = new Cron(given.join(' '), { timezone: 'UTC' }).nextRuns(3, start);
        assert.deepEqual(other, wanted);
      },
    ),
  );
});
