import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';

import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { check, type CheckInput, planRepair, repair } from '../../src/engine/check.ts';
import type { CheckResult } from '../../src/repository/native/check/check-result.ts';
import { forget, planForgetting } from '../../src/engine/forget.ts';
import type { OperationContext } from '../../src/engine/operation.ts';
import { planPrune, prune } from '../../src/engine/prune.ts';
import {
  openRepository,
  type LocalPlaces,
  type NativeRepository,
} from '../../src/repository/native/native-repository.ts';
import { MemoryStorage } from '../../src/storage/drivers/memory/memory.ts';
import { flipStoredBit } from './damaging-storage.ts';
import { backUpOnce, createSmall, kept, machine } from './small-repository.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** Of operations that tell nobody anything. */
export const context: OperationContext = {
  clock: systemClock,
  signal: new AbortController().signal,
  report: () => undefined,
};

/** A repository with one snapshot, that is to be damaged, checked and repaired. */
export class CheckScene implements AsyncDisposable {
  readonly storage = new MemoryStorage();
  readonly directory: string;
  /** As people work. */
  readonly usual: LocalPlaces;
  /** The same machine without its cache: nothing is known but what the storage has. */
  readonly bare: LocalPlaces;
  readonly #dispose: () => PromiseLike<void>;

  constructor(directory: string, dispose: () => PromiseLike<void>) {
    this.directory = directory;
    this.usual = machine(directory);
    this.bare = { ...this.usual, cacheDirectory: undefined };
    this.#dispose = dispose;
  }

  static async make(): Promise<CheckScene> {
    const directory = await temporaryDirectory();
    const scene = new CheckScene(directory.path, () => directory[Symbol.asyncDispose]());
    await mkdir(`${directory.path}/source`);
    await createSmall(scene.storage, scene.usual);
    await scene.write('first', 60_000);
    await scene.backUp();
    return scene;
  }

  async write(name: string, size = 10): Promise<void> {
    await writeFile(`${this.directory}/source/${name}`, systemRandom(size));
  }

  backUp(places = this.usual): Promise<string> {
    return backUpOnce(this.storage, places, {
      paths: [`${this.directory}/source`],
      forceRead: true,
    });
  }

  open(places: LocalPlaces): Promise<NativeRepository> {
    return openRepository(kept(this.storage), { kind: 'none' }, places, { readOnly: true });
  }

  async check(
    places = this.bare,
    input: CheckInput = {},
  ): Promise<{
    readonly result: CheckResult;
    readonly steps: readonly string[];
    readonly errors: readonly string[];
  }> {
    await using repository = await this.open(places);
    const result = await check(repository.access, input, context);
    const errors = result.findings.filter(({ severity }) => severity === 'error');
    const steps = planRepair(result).steps.map(({ kind }) => kind);
    return { result, steps, errors: errors.map(({ message }) => message) };
  }

  /** As `check --repair` does it. Gives the steps of the plan. */
  async repair(places = this.bare, input: CheckInput = {}): Promise<string[]> {
    await using repository = await this.open(places);
    const plan = planRepair(await check(repository.access, input, context));
    await repair(await repository.beginWriting(), plan, context);
    return plan.steps.map(({ kind }) => kind);
  }

  async forget(id: string, places = this.usual): Promise<void> {
    await using repository = await openRepository(kept(this.storage), { kind: 'none' }, places);
    const input = { named: [id], timeZone: 'UTC', force: true };
    await forget(
      repository.access,
      await planForgetting(repository.access, input, context),
      context,
    );
  }

  async prune(): Promise<void> {
    await using repository = await openRepository(kept(this.storage), { kind: 'none' }, this.usual);
    await prune(repository.access, await planPrune(repository.access, {}, context), {}, context);
  }

  async names(prefix: string): Promise<string[]> {
    const names = await Array.fromAsync(this.storage.list(prefix), ({ name }) => name);
    return names.toSorted();
  }

  /** Both of the only host, whose names it gives. */
  async loseCertificates(damage: Damage): Promise<readonly [string, string]> {
    const [first, second, ...others] = await this.names('hosts/');
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(others, []);
    await damage(this.storage, first);
    await damage(this.storage, second);
    return [first, second];
  }

  async only(prefix: string): Promise<string> {
    const names = await this.names(prefix);
    assert.equal(names.length, 1, names.join());
    return names[0]!;
  }

  /** The pack with the content of the sources. */
  async largestPack(): Promise<string> {
    const packs = await Array.fromAsync(this.storage.list('packs/'));
    return packs.toSorted((left, right) => right.size - left.size)[0]!.name;
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#dispose();
  }
}

export type Damage = (storage: MemoryStorage, name: string) => Promise<void>;
export const damages: Readonly<Record<string, Damage>> = {
  empty: (storage, name) => storage.put(name, new Uint8Array(0)),
  flipped: (storage, name) => flipStoredBit(storage, name, { byte: 100 }),
  gone: (storage, name) => storage.delete(name),
};
