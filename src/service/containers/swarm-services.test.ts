/** There is no swarm on machines that test: these run against a simulator that answers as Docker 24's API does for services and tasks, and no more. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';

import { FakeClock } from '#test/support/fake-clock.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { CatalogKey } from '../../catalog/catalog-key.ts';
import { openCatalog } from '../../catalog/open-catalog.ts';
import { EngineContainerKeeper } from './container-keeper.ts';
import { DockerTransport } from './docker-transport.ts';
import { SwarmServices } from './swarm-services.ts';

interface SimulatedService {
  readonly id: string;
  readonly name: string;
  version: number;
  mode: { Replicated?: { Replicas: number }; Global?: object };
  /** States of its tasks; a task follows what is wanted at each look. */
  tasks: string[];
}

class SwarmSimulator implements AsyncDisposable {
  readonly services: SimulatedService[] = [];
  /** Set to make the next update come second. */
  outOfSequence = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<SwarmSimulator> {
    const server = createServer((request, response) => {
      void simulator.#answer(request).then(([status, body]) => {
        response.writeHead(status, { 'content-type': 'application/json', 'api-version': '1.43' });
        response.end(body === undefined ? '' : JSON.stringify(body));
      });
    }).listen(0, '127.0.0.1');
    const simulator = new SwarmSimulator(server);
    await once(server, 'listening');
    return simulator;
  }

  get address(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `tcp://127.0.0.1:${port}`;
  }

  transport(): DockerTransport {
    const { address } = this;
    return new DockerTransport({ address, origin: address.replace('tcp', 'http') });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage): Promise<readonly [number, unknown]> {
    const url = new URL(request.url ?? '', 'http://sim');
    const place = url.pathname.replace(/^\/v1\.43/u, '');
    if (place === '/_ping') return [200, undefined];
    if (place === '/containers/json') return [200, []];
    if (place === '/services') return [200, this.services.map(describe)];
    if (place === '/tasks') {
      const filters = JSON.parse(url.searchParams.get('filters') ?? '{}') as { service: string[] };
      const service = this.#find(filters.service[0] ?? '');
      const tasks = service?.tasks ?? [];
      if (service !== undefined) moveOn(service);
      return [200, tasks.map((State) => ({ Status: { State } }))];
    }
    const [, , name = '', action] = place.split('/');
    const service = this.#find(name);
    if (service === undefined) return [404, { message: `service ${name} not found` }];
    if (action !== 'update') return [200, describe(service)];
    if (this.outOfSequence > 0) {
      this.outOfSequence--;
      service.version++;
    }
    if (url.searchParams.get('version') !== String(service.version))
      return [500, { message: 'rpc error: code = Unknown desc = update out of sequence' }];
    const spec = (await json(request)) as { Name?: string; Mode: SimulatedService['mode'] };
    if (spec.Name !== service.name) return [400, { message: 'renaming services is not supported' }];
    service.mode = spec.Mode;
    service.version++;
    return [200, { Warnings: null }];
  }

  #find(name: string): SimulatedService | undefined {
    return this.services.find((service) => service.id === name || service.name === name);
  }
}

function describe({ id, name, version, mode }: SimulatedService): unknown {
  return {
    ID: id,
    Version: { Index: version },
    Spec: {
      Name: name,
      Labels: { stop: 'true' },
      TaskTemplate: { ContainerSpec: { Image: 'i' } },
      Mode: mode,
    },
  };
}

/** Each look finds one task more at its end, or one more running. */
function moveOn(service: SimulatedService): void {
  const wanted = service.mode.Replicated?.Replicas ?? 0;
  const running = service.tasks.filter((state) => state === 'running').length;
  if (running > wanted) service.tasks[service.tasks.indexOf('running')] = 'shutdown';
  else if (running < wanted) service.tasks.push('running');
}

const web = (): SimulatedService => ({
  id: 'svc1',
  name: 'web',
  version: 7,
  mode: { Replicated: { Replicas: 2 } },
  tasks: ['running', 'running', 'failed'],
});

test('scaled to nothing and back, each time until it is so', async () => {
  await using swarm = await SwarmSimulator.start();
  await using transport = swarm.transport();
  const clock = new FakeClock();
  const services = new SwarmServices(transport, clock);
  swarm.services.push(web(), { ...web(), id: 'svc2', name: 'agent', mode: { Global: {} } });
  const [service] = swarm.services;
  const listed = await services.list('stop');
  assert.deepEqual(
    listed.map(({ id, name, labels, replicas }) => ({ id, name, labels, replicas })),
    [
      { id: 'svc1', name: 'web', labels: { stop: 'true' }, replicas: 2 },
      { id: 'svc2', name: 'agent', labels: { stop: 'true' }, replicas: undefined },
    ],
  );
  assert.equal(await services.scale('svc1', 0, 60_000), 'done');
  assert.deepEqual(service?.mode, { Replicated: { Replicas: 0 } });
  assert.deepEqual(service?.tasks, ['shutdown', 'shutdown', 'failed']);
  assert.equal(await services.scale('svc1', 2, 60_000), 'done');
  assert.equal(service?.tasks.filter((state) => state === 'running').length, 2);
  assert.equal(await services.scale('nobody', 1, 60_000), 'gone');
});

test('a change by somebody else in between is taken in', async () => {
  await using swarm = await SwarmSimulator.start();
  await using transport = swarm.transport();
  swarm.services.push(web());
  swarm.outOfSequence = 2;
  await new SwarmServices(transport, new FakeClock()).scale('svc1', 0, 60_000);
  assert.deepEqual(swarm.services[0]?.mode, { Replicated: { Replicas: 0 } });
});

test('what does not come about in its time, or cannot, is told', async () => {
  await using swarm = await SwarmSimulator.start();
  await using transport = swarm.transport();
  swarm.services.push({ ...web(), tasks: Array.from({ length: 50 }, () => 'running') });
  swarm.services.push({ ...web(), id: 'svc2', name: 'agent', mode: { Global: {} } });
  const services = new SwarmServices(transport, new FakeClock());
  await assert.rejects(services.scale('svc1', 0, 2000), {
    code: 'container/failed',
    message: /^Cannot scale the service "svc1" to 0: \d+ of 0 ran when the time was over$/u,
  });
  await assert.rejects(services.scale('svc2', 0, 2000), {
    code: 'container/failed',
    message: 'Cannot scale the service "svc2" to 0: it runs on every machine of the swarm',
  });
});

test('services with the label of a rule are stopped and started around a run', async () => {
  await using swarm = await SwarmSimulator.start();
  await using directory = await temporaryDirectory();
  swarm.services.push(
    web(),
    { ...web(), id: 'svc2', name: 'agent', mode: { Global: {} } },
    { ...web(), id: 'svc3', name: 'idle', mode: { Replicated: { Replicas: 0 } } },
  );
  const clock = new FakeClock();
  await using catalog = await openCatalog({
    location: { file: path.join(directory.path, 'catalog.sqlite') },
    key: CatalogKey.random(),
    clock,
  });
  const { address } = swarm;
  await using keeper = new EngineContainerKeeper({ catalog, clock, address, environment: {} });
  const { id: run } = await catalog.queue.add(
    { job: 'shop', activity: 'backup', trigger: 'manual', priority: 0, keys: [] },
    0,
  );
  const replicas = (): (number | undefined)[] =>
    swarm.services.map(({ mode }) => mode.Replicated?.Replicas);
  const stopped = await keeper.stop({ label: 'stop' }, { run });
  assert.equal(stopped.output, 'Stopped: web');
  assert.deepEqual(stopped.warnings, [
    'The service "agent" is not stopped: it runs on every machine of the swarm',
  ]);
  assert.deepEqual(replicas(), [0, undefined, 0]);
  const started = await keeper.start({}, { run });
  assert.equal(started.output, 'Started: web');
  assert.deepEqual(replicas(), [2, undefined, 0]);
  assert.deepEqual(await catalog.journal.list(), []);
});
