import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { systemClock } from '../../src/base/clock.ts';
import { Secret } from '../../src/base/secret.ts';
import { catalogKeyFile } from '../../src/catalog/catalog-key.ts';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import { postgresPrograms, startPostgres } from '../servers/postgres.ts';
import { missingPrograms } from '../servers/required-programs.ts';
import { serviceMachine, until } from '../support/service-process.ts';

const names = ['one', 'two', 'three', 'four'];

test(
  'two servers share the work of a catalog in PostgreSQL; when one is killed the other takes over',
  { skip: missingPrograms(postgresPrograms) },
  async () => {
    await using postgres = await startPostgres();
    await using machine = await serviceMachine();
    await mkdir(machine.of('source'));
    await writeFile(machine.of('source/letter'), 'Dear reader');
    const url = await postgres.createDatabase('holdfast');
    const hang = machine.of('hang');
    await machine.configure(
      `jobs:\n${names
        .map(
          (name) => `  ${name}:
    kind: commands
    commands: [{ name: '1', command: 'echo $HOLDFAST_RUN >> ${machine.of(name)}; [ ! -e ${hang} ] || sleep 97531.5' }]
    schedule: '@every 1s'\n`,
        )
        .join('')}`,
    );
    const key = machine.of('state/catalog.key');
    const look = async <Result>(at: (catalog: Catalog) => Promise<Result>): Promise<Result> => {
      await using catalog = await openCatalog({
        location: { url: new Secret(url) },
        key: catalogKeyFile(key),
        clock: systemClock,
      });
      return await at(catalog);
    };
    const first = await machine.serve('--database', url);
    const second = await machine.serve('--database', url);
    const workers = async (): Promise<Set<string | undefined>> => {
      const runs = await look((catalog) =>
        catalog.runs.list({ states: ['succeeded'], limit: 500 }),
      );
      return new Set(runs.map(({ worker }) => worker?.id));
    };
    await until(async () => (await workers()).size === 2, first.log);

    // What one was at when it was killed the other finishes as broken, and goes on with the rest.
    await writeFile(hang, '');
    await until(
      async () =>
        (await look((catalog) => catalog.runs.list({ states: ['running'] }))).filter(({ steps }) =>
          steps.some(({ outcome }) => outcome === undefined),
        ).length === 4,
    );
    await machine.configure('jobs: {}');
    await first.end('SIGKILL');
    await second.untilLogged(/A run was broken off/u);
    await until(async () => {
      const runs = await look((catalog) => catalog.runs.list({ states: ['broken'] }));
      return runs.length === 2;
    }, second.log);
    const { status } = await second.end('SIGTERM');
    assert.equal(status, 0, second.log());
    const runs = await look((catalog) => catalog.runs.list({ limit: 10_000 }));
    assert.deepEqual(
      runs.filter(({ state }) => state === 'running'),
      [],
    );
    // No run was done twice.
    const done = new Set(
      runs.filter(({ startedAt }) => startedAt !== undefined).map(({ id }) => id),
    );
    const texts = await Promise.all(names.map((name) => readFile(machine.of(name), 'utf8')));
    const ran = texts.join('').trim().split('\n');
    assert.equal(new Set(ran).size, ran.length);
    assert.ok(ran.every((id) => done.has(id)));
    assert.doesNotMatch(first.log() + second.log(), new RegExp(postgres.password, 'u'));
  },
);
