import { hostname } from 'node:os';

import { type Clock, systemClock } from '../../base/clock.ts';
import { durationMilliseconds, parseDuration } from '../../base/duration.ts';
import { identifyProcess } from '../../base/process-identity.ts';
import { hasCode } from '../../base/errors.ts';
import { Semaphore } from '../../base/semaphore.ts';
import type { Catalog, JournalEntry } from '../../catalog/catalog.ts';
import type { ContainerRule } from '../../model/job.ts';
import type { StepRecord } from '../../model/run.ts';
import type {
  ContainerExecEnd,
  ContainerExecOptions,
  ContainerKeeper,
  ContainerOptions,
  ContainerRecoverOptions,
  RecoveredContainers,
} from '../runner/step-context.ts';
import { afterFailure } from './after-failure.ts';
import { chooseContainers } from './choose-containers.ts';
import { containersWithCommands, runLabelledCommands } from './container-commands.ts';
import { runInContainer } from './container-exec.ts';
import { problemOf } from './container-problem.ts';
import { containerStep, newTold, type Told } from './container-step.ts';
import { type DockerClient, openDockerClient } from './docker-client.ts';
import type { DockerPlaces } from './docker-endpoint.ts';
import { isLeftBehind } from './left-behind.ts';
import { findOwnContainer, type OwnContainer } from './own-container.ts';
import { startItems } from './start-items.ts';
import { stopItems } from './stop-items.ts';
import {
  readStoppedContainers,
  type StoppedContainers,
  stoppedContainersKind,
  writeStoppedContainers,
} from './stopped-containers.ts';
import { SwarmServices } from './swarm-services.ts';

export interface ContainerKeeperSettings extends DockerPlaces {
  readonly catalog: Pick<Catalog, 'journal' | 'runs'>;
  /** The machine, as it stands in the journal. Its host name by default. */
  readonly host?: string;
  readonly clock?: Clock;
  /** Milliseconds for which a started container is watched, in case it ends at once. 1000 by default. */
  readonly watch?: number;
  /** Which container this program runs in; found out by default. */
  readonly own?: () => Promise<OwnContainer>;
}

const defaultStopTimeout = '60s';
const defaultStartTimeout = '2m';
/** Milliseconds for which the start of the service waits for containers to become healthy. */
const recoveryPatience = 20_000;
/** Milliseconds that an engine takes longer than it was told. */
const stopSlack = 3000;

/** What is decided from the journal must not change before it is done: of all keepers of this process. */
const turn = new Semaphore(1);
/** Runs of this process that have something stopped, or are about to; with their entry as it was written last, in case the catalog cannot be reached when it is wanted. */
const underWay = new Map<string, JournalEntry | undefined>();

/**
 * Stops containers through a Docker-compatible engine and starts them again, come what may: what will be stopped is in the journal of the catalog before the first
 * one is, and is taken out of it when it runs again. Nothing is connected before it is needed.
 *
 * A container that two runs at once want stopped is stopped by the first and started by the last of them.
 */
export class EngineContainerKeeper implements ContainerKeeper, AsyncDisposable {
  readonly #settings: ContainerKeeperSettings;
  readonly #clock: Clock;
  readonly #host: string;
  #client: DockerClient | undefined;

  constructor(settings: ContainerKeeperSettings) {
    this.#settings = settings;
    this.#clock = settings.clock ?? systemClock;
    this.#host = settings.host ?? hostname();
  }

  async stop(rule: ContainerRule, options: ContainerOptions): Promise<StepRecord> {
    const startedAt = this.#clock.now();
    const told = newTold();
    let entry: JournalEntry | undefined;
    underWay.set(options.run, undefined);
    try {
      const client = await this.#connect();
      entry = await this.#announce(rule, options, client, told);
      const stopped = readStoppedContainers(entry.data);
      if (stopped.ranCommands) await this.#runCommands('before', options, stopped.job, told);
      // Nothing of it was stopped.
      if (told.problem !== undefined) await this.#rewrite(entry, { ...stopped, items: [] });
      else
        await this.#stopAll(
          client,
          entry,
          stopped,
          milliseconds(rule.stopTimeout, defaultStopTimeout),
          told,
          options,
        );
    } catch (error) {
      told.problem ??= problemOf(error);
    }
    // Whoever is left without their service because ours could not begin gets it back at once.
    if (told.problem !== undefined) {
      if (entry !== undefined) await this.#putRight(entry, told);
      underWay.delete(options.run);
    }
    options.signal?.throwIfAborted();
    return containerStep('stop containers', startedAt, this.#clock.now(), told);
  }

  async start(_rule: ContainerRule, { run }: ContainerOptions): Promise<StepRecord> {
    const startedAt = this.#clock.now();
    const told = newTold();
    try {
      const known = underWay.get(run);
      const entries = await this.#orElse(known === undefined ? [] : [known], told, () =>
        this.#entries(),
      );
      for (const entry of entries.filter((one) => one.run === run))
        await this.#putRight(entry, told);
    } catch (error) {
      told.problem ??= problemOf(error);
    }
    underWay.delete(run);
    return containerStep('start containers', startedAt, this.#clock.now(), told);
  }

  async exec(
    container: string,
    command: string | readonly string[],
    options: ContainerExecOptions,
  ): Promise<ContainerExecEnd> {
    return runInContainer(await this.#connect(), container, command, options);
  }

  async recover({
    isAlive,
    signal,
  }: ContainerRecoverOptions): Promise<readonly RecoveredContainers[]> {
    const recovered: RecoveredContainers[] = [];
    for (const entry of await this.#entries()) {
      if (isAlive(entry.run) || !(await this.#isLeftBehind(entry, signal))) continue;
      signal?.throwIfAborted();
      const startedAt = this.#clock.now();
      const told = newTold();
      await this.#putRight(entry, told, recoveryPatience);
      recovered.push({
        run: entry.run,
        step: containerStep('start containers', startedAt, this.#clock.now(), told),
      });
    }
    return recovered;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]();
  }

  async #connect(): Promise<DockerClient> {
    this.#client ??= await openDockerClient(this.#settings);
    return this.#client;
  }

  /** Writes into the journal what will be stopped. */
  async #announce(
    rule: ContainerRule,
    { run, signal }: ContainerOptions,
    client: DockerClient,
    told: Told,
  ): Promise<JournalEntry> {
    const own = await (this.#settings.own ?? findOwnContainer)();
    using _turn = await turn.acquire({ signal });
    const others = (await this.#entries()).filter((entry) => entry.run !== run);
    const held = new Set(
      others.flatMap(({ data }) => readStoppedContainers(data).items.map(({ id }) => id)),
    );
    const services = new SwarmServices(client.transport, this.#clock);
    const isHeld = (id: string): boolean => held.has(id);
    const { items, warnings, unusedLabel } = await chooseContainers(rule, {
      client,
      services,
      own,
      isHeld,
      signal,
    });
    told.warnings.push(...warnings);
    const job = await this.#jobOf(run);
    const commands = await containersWithCommands(client, ['before', 'after'], job, { signal });
    if (unusedLabel !== undefined && commands.length === 0)
      told.warnings.push(`No container has the label "${unusedLabel}"`);
    const stopped: StoppedContainers = {
      engine: client.transport.endpoint.address,
      stoppedAt: this.#clock.now(),
      startTimeout: milliseconds(rule.startTimeout, defaultStartTimeout),
      job,
      process: identifyProcess(),
      stopsUntil: 0,
      attempts: 0,
      notBefore: 0,
      ranCommands: commands.length > 0,
      items,
    };
    const entry = {
      kind: stoppedContainersKind,
      run,
      host: this.#host,
      data: writeStoppedContainers(stopped),
    };
    if (items.length === 0 && commands.length === 0) return { ...entry, id: '' };
    const announced = { ...entry, id: await this.#settings.catalog.journal.add(entry, { signal }) };
    underWay.set(run, announced);
    return announced;
  }

  async #stopAll(
    client: DockerClient,
    entry: JournalEntry,
    stopped: StoppedContainers,
    timeout: number,
    told: Told,
    options: ContainerOptions,
  ): Promise<void> {
    const services = new SwarmServices(client.transport, this.#clock);
    const groups = new Set(stopped.items.map(({ group }) => group)).size;
    const stopsUntil = this.#clock.now() + groups * timeout + stopSlack;
    await this.#rewrite(entry, { ...stopped, stopsUntil });
    const others = await this.#heldByOthers(entry);
    const end = await stopItems(
      stopped.items,
      { client, services, timeout, clock: this.#clock },
      options,
    );
    told.names.push(...end.stopped.map(({ name }) => name));
    told.warnings.push(...end.warnings);
    told.problem ??= end.problem;
    // What somebody else has stopped meanwhile is not ours to start.
    const left = stopped.items.filter(
      (item) => !end.notRunning.includes(item) || others.has(item.id),
    );
    const isAnswered = end.problem?.code !== 'container/unavailable';
    await this.#rewrite(entry, {
      ...stopped,
      items: left,
      stopsUntil: isAnswered ? 0 : stopsUntil,
    });
  }

  async #rewrite(entry: JournalEntry, stopped: StoppedContainers): Promise<void> {
    if (entry.id === '') return;
    const data = writeStoppedContainers(stopped);
    if (underWay.has(entry.run)) underWay.set(entry.run, { ...entry, data });
    await this.#settings.catalog.journal.update(entry.id, data);
  }

  /** What the catalog says; if it cannot be reached, that is told, and what is put right is put right without it. */
  async #orElse<Value>(otherwise: Value, told: Told, ask: () => Promise<Value>): Promise<Value> {
    try {
      return await ask();
    } catch (error) {
      if (!hasCode(error)) throw error;
      if (!told.warnings.includes(error.message)) told.warnings.push(error.message);
      return otherwise;
    }
  }

  /** Starts what an entry names, but what another run still needs stopped. What cannot be started stays in the journal. Never throws. */
  async #putRight(entry: JournalEntry, told: Told, patience = Infinity): Promise<void> {
    if (entry.id === '') return;
    try {
      const known = underWay.get(entry.run) ?? entry;
      const entries = await this.#orElse([known], told, () => this.#entries());
      const current = entries.find(({ id }) => id === entry.id);
      if (current === undefined) return;
      const client = await this.#connect();
      const services = new SwarmServices(client.transport, this.#clock);
      const stopped = readStoppedContainers(current.data);
      const startTimeout = Math.min(stopped.startTimeout, patience);
      const end = await startItems(
        { ...stopped, startTimeout },
        {
          client,
          services,
          clock: this.#clock,
          turn,
          watch: this.#settings.watch ?? 1000,
          heldByOthers: () => this.#orElse(new Set(), told, () => this.#heldByOthers(entry)),
          onProgress: (items) =>
            this.#orElse(undefined, told, () => this.#rewrite(entry, { ...stopped, items })),
        },
      );
      told.started.push(...end.started);
      told.warnings.push(...end.warnings);
      told.problem ??= end.problem;
      if (stopped.ranCommands) await this.#runCommands('after', entry, stopped.job, told);
      const left = afterFailure({ ...stopped, items: end.failed }, this.#clock.now());
      await this.#orElse(undefined, told, () =>
        left === undefined
          ? this.#settings.catalog.journal.remove(entry.id)
          : this.#rewrite(entry, left),
      );
    } catch (error) {
      told.problem ??= problemOf(error);
    }
  }

  async #runCommands(
    phase: 'before' | 'after',
    { run, signal }: { readonly run: string; readonly signal?: AbortSignal | undefined },
    job: string,
    told: Told,
  ): Promise<void> {
    const client = await this.#connect();
    const containers = await containersWithCommands(client, [phase], job, { signal });
    const environment = { HOLDFAST_JOB: job, HOLDFAST_RUN: run };
    const end = await runLabelledCommands(client, containers, phase, environment, { signal });
    if (end.output !== '') told.output.push(end.output);
    const [failure, ...others] = end.failures;
    if (failure !== undefined) told.problem ??= { code: 'container/failed', message: failure };
    told.warnings.push(...others);
  }

  /** Of every machine: ids of containers are the same nowhere else, and what runs in a container may be called differently after each start. */
  async #entries(): Promise<readonly JournalEntry[]> {
    const entries = await this.#settings.catalog.journal.list();
    return entries.filter(({ kind }) => kind === stoppedContainersKind);
  }

  async #isLeftBehind(entry: JournalEntry, signal: AbortSignal | undefined): Promise<boolean> {
    if (underWay.has(entry.run)) return false;
    return isLeftBehind(entry, {
      host: this.#host,
      now: this.#clock.now(),
      runs: this.#settings.catalog.runs,
      connect: () => this.#connect(),
      signal,
    });
  }

  async #heldByOthers(entry: JournalEntry): Promise<ReadonlySet<string>> {
    const others = (await this.#entries()).filter(({ run }) => run !== entry.run);
    return new Set(
      others.flatMap(({ data }) => readStoppedContainers(data).items.map(({ id }) => id)),
    );
  }

  async #jobOf(run: string): Promise<string> {
    return (await this.#settings.catalog.runs.get(run))?.job ?? '';
  }
}

const milliseconds = (text: string | undefined, otherwise: string): number =>
  durationMilliseconds(parseDuration(text ?? otherwise));
