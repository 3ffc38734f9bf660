import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { scratchDirectory } from '#test/support/scratch-directory.ts';

import { givenTimeZone, machineTimeZone } from './given-time-zone.ts';
import { isTimeZone, localFields } from './time-zone.ts';

describe('a zone that TZ means', () => {
  test('is a distance from UTC, whose sign is the other way round', () => {
    for (const [given, zone, hour, minute] of [
      ['EST5', '-05:00', 19, 0],
      ['UTC-3', '+03:00', 3, 0],
      ['<+0530>-5:30', '+05:30', 5, 30],
      ['<-03>+3', '-03:00', 21, 0],
      ['GMT0', 'UTC', 0, 0],
    ] as const) {
      assert.equal(givenTimeZone(given), zone, given);
      const fields = localFields(0, zone);
      assert.deepEqual([fields.hour, fields.minute], [hour, minute], given);
    }
  });

  test('is a name, also after a colon', () => {
    for (const given of ['Europe/Berlin', ':Europe/Berlin'])
      assert.equal(givenTimeZone(given), 'Europe/Berlin');
    assert.equal(givenTimeZone('Etc/GMT-1'), 'Etc/GMT-1');
  });

  test('is a file of the table of zones, also by links', () => {
    using scratch = scratchDirectory();
    for (const directory of ['zoneinfo/Europe', 'zoneinfo/right/Asia'])
      mkdirSync(scratch.of(directory), { recursive: true });
    for (const file of ['zoneinfo/Europe/Berlin', 'zoneinfo/right/Asia/Tokyo', 'zoneinfo/Mars'])
      writeFileSync(scratch.of(file), '');
    symlinkSync('zoneinfo/Europe/Berlin', scratch.of('static'));
    symlinkSync('static', scratch.of('localtime'));
    assert.equal(givenTimeZone(`:${scratch.of('localtime')}`), 'Europe/Berlin');
    assert.equal(givenTimeZone(scratch.of('zoneinfo/right/Asia/Tokyo')), 'Asia/Tokyo');
    for (const unknown of ['zoneinfo/Mars', 'missing'])
      assert.equal(givenTimeZone(scratch.of(unknown)), undefined, unknown);
  });

  test('is not guessed', () => {
    for (const given of ['Mars/Olympus', 'CET-1CEST,M3.5.0,M10.5.0/3', 'X24', ':', '/'])
      assert.equal(givenTimeZone(given), undefined, given);
  });

  test('may be that of the machine', () => assert.ok(isTimeZone(machineTimeZone())));
});
