import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { runProgram } from '../../base/process.ts';
import { nextCronTime, parseCron } from './cron-expression.ts';

const events = [
  'Mon..Fri 02:00',
  'Sat,Sun 10:00',
  '*-*-01 03:00:00',
  '*-01,07-1..7 04:05:06',
  'Mon *-*~07/1 12:00',
  '*-02~01',
  '*-*~1..3 00:30',
  '*:0/15',
  '*:*:0/20',
  '0/6:30',
  '2..5/2:10,40',
  '2027-*-15 08:00',
  '2026..2030/2-06-01 00:00',
  '*-*-1..9/4 23:59',
  'Wed',
  '12-24 18:00',
  'Thu,Sun 2026-05..8-* 01:00',
];
const zones = ['UTC', 'Asia/Kolkata'];
const count = 6;
const after = Date.UTC(2026, 2, 20, 11, 7, 30);

describe('calendar events are met as systemd-analyze says', () => {
  for (const zone of zones) {
    test(`in ${zone}`, async () => {
      const { status, output } = await runProgram(
        [
          'systemd-analyze',
          'calendar',
          '--base-time=2026-03-20 11:07:30 UTC',
          `--iterations=${count}`,
          ...events.map((event) => `${event} ${zone}`),
        ],
        { environment: { ...process.env, TZ: 'UTC', LC_ALL: 'C' }, timeLimit: 30_000 },
      );
      assert.equal(status, 0);
      const blocks = output.toString('utf8').trim().split(/\n\n/u);
      assert.equal(blocks.length, events.length);
      for (const [index, block] of blocks.entries()) {
        const wanted = [...block.matchAll(/(?:Next elapse|Iter\. #\d+|\(in UTC\)): (.+)$/gmu)]
          .map(([, time]) => Date.parse(time!.replace(/^\w+ /u, '').replace(' UTC', 'Z')))
          .map((time) => new Date(time).toISOString());
        assert.ok(wanted.length > 0, block);
        assert.deepEqual(runsOf(`${events[index]!} ${zone}`, wanted.length), wanted, block);
      }
    });
  }
});

function runsOf(text: string, length: number): string[] {
  const expression = parseCron(text);
  const found: string[] = [];
  let time: number | undefined = after;
  while (found.length < length) {
    time = nextCronTime(expression, 'UTC', time);
    if (time === undefined) break;
    found.push(new Date(time).toISOString());
  }
  return found;
}
