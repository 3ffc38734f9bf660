/** Podman refuses to start what it is stopping, and the tests with it see that. Docker says that it runs, and stops it a moment later: that is simulated here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '#test/support/fake-clock.ts';

import { Semaphore } from '../../base/semaphore.ts';
import type { DockerClient } from './docker-client.ts';
import { startItems } from './start-items.ts';
import type { StoppedContainers } from './stopped-containers.ts';
import { SwarmServices } from './swarm-services.ts';

/** An engine with one container, which a call from before stops when it has been looked at a few times. */
class StoppingEngine {
  isRunning = true;
  starts = 0;
  looks = 0;

  start(): Promise<'started' | 'running'> {
    this.starts++;
    const end = this.isRunning ? 'running' : 'started';
    this.isRunning = true;
    return Promise.resolve(end);
  }

  inspect(): Promise<object> {
    if (++this.looks === 3) this.isRunning = false;
    return Promise.resolve({
      state: this.isRunning ? 'running' : 'exited',
      health: 'none',
      exitStatus: 0,
    });
  }
}

const stopped = (clock: FakeClock, stopsUntil: number): StoppedContainers => ({
  engine: 'test',
  job: 'shop',
  stoppedAt: clock.now(),
  startTimeout: 60_000,
  stopsUntil,
  attempts: 0,
  notBefore: 0,
  ranCommands: false,
  items: [{ kind: 'container', id: 'a', name: 'web', group: 0, isNeeded: false }],
});

for (const [what, within, starts] of [
  ['what stops a moment after it was found running is started once more', 10_000, 2],
  ['what nobody is stopping is not watched', 0, 1],
] as const) {
  test(what, async () => {
    const clock = new FakeClock();
    const engine = new StoppingEngine();
    const client = engine as unknown as DockerClient;
    const end = await startItems(stopped(clock, within === 0 ? 0 : clock.now() + within), {
      client,
      services: new SwarmServices(client.transport, clock),
      clock,
      turn: new Semaphore(1),
      watch: 0,
      heldByOthers: () => Promise.resolve(new Set()),
      onProgress: () => Promise.resolve(),
    });
    assert.equal(end.problem, undefined);
    assert.equal(engine.starts, starts);
    assert.ok(engine.isRunning);
  });
}
