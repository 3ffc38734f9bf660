import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Captured } from '#test/cli/command-line.ts';

import { type Clock, systemClock } from '../../base/clock.ts';
import { utf8 } from '../../base/bytes.ts';
import { noCounters } from '../../model/event.ts';
import { displayWidth } from './display-text.ts';
import { ProgressLine } from './progress-line.ts';

function setUp(columns = 200): {
  line: ProgressLine;
  stream: Captured;
  wait: (milliseconds: number) => void;
} {
  let now = 0;
  const clock: Clock = { ...systemClock, monotonic: () => now };
  const stream = new Captured();
  const line = new ProgressLine(stream, clock, () => columns);
  return { line, stream, wait: (milliseconds) => void (now += milliseconds) };
}

const mebibyte = 1024 ** 2;

describe('ProgressLine', () => {
  test('shows files, bytes, rate and time left', () => {
    const { line, stream, wait } = setUp();
    line.update({ type: 'phase', phase: 'reading' });
    line.update({ type: 'total', files: 1000, bytes: 100 * mebibyte, final: true });
    line.update({ type: 'progress', ...noCounters });
    wait(2000);
    line.update({
      type: 'progress',
      ...noCounters,
      files: 10,
      bytes: 20 * mebibyte,
      current: utf8('/a\n'),
    });
    assert.equal(
      stream.text.split('\r').at(-1),
      'reading · 10 of 1,000 files · 20.0 MiB of 100.0 MiB · 10.0 MiB/s · 8 s left · /a\\n\u001b[K',
    );
  });

  test('says no time left while the total still grows', () => {
    const { line, wait } = setUp();
    line.update({ type: 'total', files: 1, bytes: 100, final: false });
    line.update({ type: 'progress', ...noCounters });
    wait(2000);
    line.update({ type: 'progress', ...noCounters, bytes: 50 });
    assert.doesNotMatch(line.text(2000), /left/u);
  });

  test('is drawn at most ten times a second', () => {
    const { line, stream, wait } = setUp();
    for (let index = 0; index < 1000; index++) {
      line.update({ type: 'progress', ...noCounters, files: index });
      wait(1);
    }
    assert.equal(stream.text.split('\r').length - 1, 10);
  });

  test('keeps to the width of the terminal', () => {
    const { line, stream } = setUp(30);
    line.update({ type: 'progress', ...noCounters, current: utf8('/日本語'.repeat(20)) });
    const drawn = stream.text.replaceAll(/\r|\p{Cc}\[K/gu, '');
    assert.ok(displayWidth(drawn) <= 29 && drawn.endsWith('…'));
  });

  test('is taken away once', () => {
    const { line, stream } = setUp();
    line.clear();
    assert.equal(stream.text, '');
    line.update({ type: 'phase', phase: 'x' });
    line.clear();
    line.clear();
    assert.equal(stream.text, '\rx\u001b[K\r\u001b[K');
  });
});
