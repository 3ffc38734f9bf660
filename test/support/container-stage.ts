import assert from 'node:assert/strict';
import path from 'node:path';

import { systemClock } from '../../src/base/clock.ts';
import { CatalogKey } from '../../src/catalog/catalog-key.ts';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import type { ContainerRule } from '../../src/model/job.ts';
import type { StepRecord } from '../../src/model/run.ts';
import {
  type ContainerKeeperSettings,
  EngineContainerKeeper,
} from '../../src/service/containers/container-keeper.ts';
import { type PodmanServer, startPodman } from '../servers/podman.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** A container engine, a catalog, and a keeper of containers that works with both. */
export interface ContainerStage extends AsyncDisposable {
  readonly podman: PodmanServer;
  readonly directory: string;
  readonly catalog: Catalog;
  /** What another process opens the catalog with. */
  readonly catalogFile: string;
  readonly catalogKey: string;
  readonly host: string;
  readonly keeper: EngineContainerKeeper;
  keeperWith(settings: Partial<ContainerKeeperSettings>): EngineContainerKeeper;
  /** Removes the containers of the last test, which must have left nothing in the journal. */
  clear(): Promise<void>;
  run: PodmanServer['run'];
  /** A new run in the queue. */
  newRun(job?: string): Promise<string>;
  states(...names: string[]): Promise<(string | undefined)[]>;
  /** Stops, and sees to it that it ends as it should. */
  stopped(rule: ContainerRule, run: string, outcome?: string): Promise<StepRecord>;
  started(run: string, outcome?: string): Promise<StepRecord>;
}

export async function containerStage(): Promise<ContainerStage> {
  await using stack = new AsyncDisposableStack();
  const podman = stack.use(await startPodman());
  const directory = stack.use(await temporaryDirectory()).path;
  const catalogFile = path.join(directory, 'catalog.sqlite');
  const key = CatalogKey.random();
  const location = { file: catalogFile };
  const catalog = stack.use(await openCatalog({ location, key, clock: systemClock }));
  const host = 'machine';
  const keeperWith: ContainerStage['keeperWith'] = (settings) =>
    new EngineContainerKeeper({
      catalog,
      host,
      address: podman.address,
      environment: {},
      watch: 0,
      ...settings,
    });
  const keeper = stack.use(keeperWith({}));
  const all = stack.move();
  let made: string[] = [];
  return {
    podman,
    directory,
    catalog,
    catalogFile,
    catalogKey: key.reveal(),
    host,
    keeper,
    keeperWith,
    async clear() {
      for (const name of made.reverse()) await podman.remove(name).catch(() => undefined);
      made = [];
      assert.deepEqual(await catalog.journal.list(), []);
    },
    run(container) {
      made.push(container.name);
      return podman.run(container);
    },
    async newRun(job = 'documents') {
      const run = { job, activity: 'backup', trigger: 'manual', priority: 0, keys: [] } as const;
      return (await catalog.queue.add(run, 0)).id;
    },
    states: (...names) => Promise.all(names.map((name) => podman.state(name))),
    async stopped(rule, run, outcome = 'succeeded') {
      const step = await keeper.stop(rule, { run });
      assert.equal(step.outcome, outcome, JSON.stringify(step));
      return step;
    },
    async started(run, outcome = 'succeeded') {
      const step = await keeper.start({}, { run });
      assert.equal(step.outcome, outcome, JSON.stringify(step));
      return step;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** A program that waits until it is asked to end. */
export const waitingProgram = '#!/bin/sh\ntrap "exit 0" TERM\nsleep 1000 & wait\n';
