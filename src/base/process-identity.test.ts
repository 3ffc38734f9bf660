import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { identifyProcess, isDead } from './process-identity.ts';

const self = identifyProcess();

test('this process is alive, and each identity has an id of its own', () => {
  assert.equal(isDead(self), false);
  assert.notEqual(identifyProcess().id, self.id);
  assert.equal(self.pid, process.pid);
});

test('the start is field 22 of proc(5)', () => {
  const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8');
  assert.equal(self.startTicks, Number(stat.split(' ')[21]));
});

test('a number that another process has now means nothing', () => {
  assert.equal(isDead({ ...self, startTicks: self.startTicks + 1 }), true);
});

test('a process that has ended is dead', async () => {
  const child = spawn('true');
  const { pid } = child;
  assert.ok(pid !== undefined);
  await once(child, 'exit');
  assert.equal(isDead({ ...self, pid, startTicks: 0 }), true);
});

test('one that waits for its parent to notice its end is dead', async () => {
  // The shell starts a child, becomes a program that never asks for it, and the child ends.
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec tail -f /dev/null']);
  try {
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    const stateOf = (): string => readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2] ?? '';
    while (stateOf() !== 'Z') await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isDead({ ...self, pid, startTicks: 0 }), true);
  } finally {
    parent.kill('SIGKILL');
  }
});

test('of what is not of this machine, boot and container nothing is claimed to be dead', () => {
  const gone = { ...self, pid: 2 ** 22 + 1 };
  assert.equal(isDead(gone), true);
  assert.equal(isDead({ ...gone, host: 'elsewhere' }), false);
  assert.equal(isDead({ ...gone, machine: 'another' }), false);
  assert.equal(isDead({ ...gone, namespace: 'pid:[1]' }), false);
});

test('what ran before the machine was started again is dead', () => {
  const before = { ...self, bootId: '00000000-0000-0000-0000-000000000000' };
  assert.equal(isDead({ ...before, machine: readMachine() }), readMachine() !== '');
  const { machine: _, ...unknown } = before;
  assert.equal(isDead(unknown), false);
});

function readMachine(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return '';
  }
}
