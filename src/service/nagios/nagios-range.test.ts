import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isAlert, parseNagiosRange } from './nagios-range.ts';

const alerts = (text: string, value: number): boolean => isAlert(parseNagiosRange(text), value);

test('ranges as in the table of the Monitoring Plugins Development Guidelines', () => {
  for (const [range, inside, outside] of [
    ['10', [0, 5, 10], [-1, 10.5, Infinity]],
    ['10:', [10, 1e9], [9.9, Infinity]],
    ['~:10', [-1e9, 10], [10.1, Infinity]],
    ['10:20', [10, 20], [9, 21, Infinity]],
    ['@10:20', [9, 21, Infinity], [10, 20]],
    [':10', [0, 10], [11]],
    ['26h', [93_600], [93_601, Infinity]],
    ['1h:1D', [3600, 86_400], [3599, 86_401]],
    ['1.5', [1.5], [1.6]],
  ] as const) {
    for (const value of inside) assert.equal(alerts(range, value), false, `${range} ${value}`);
    for (const value of outside) assert.equal(alerts(range, value), true, `${range} ${value}`);
  }
});

test('performance data has numbers alone', () => {
  for (const [text, shown] of [
    ['26h', '93600'],
    ['1h:', '3600:'],
    ['~:10', '~:10'],
    ['@1h:2h', '@3600:7200'],
  ])
    assert.equal(parseNagiosRange(text!).text, shown);
});

test('nonsense is refused', () => {
  for (const text of ['', ':', '@', 'soon', '20:10', '1:2:3', '-5', '10:~', 'x:5'])
    assert.throws(() => parseNagiosRange(text), /is no range of ages/u, text);
});
