import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Clock } from '../../base/clock.ts';
import { AppError, hasCode } from '../../base/errors.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import type { DirectoryFilter, Verdict } from '../../model/path-filter.ts';
import type { TreeEntry } from '../../repository/native/content/tree.ts';
import type { BlobReader } from '../../repository/native/reader/blob-reader.ts';
import { isDamage, readTree, type StoredTree } from '../../repository/native/reader/tree-reader.ts';
import {
  actionFor,
  looksSame,
  type RestoreAction,
} from '../../target/filesystem/existing-policy.ts';
import {
  createSpecial,
  createSymlink,
  identityOf,
  lookAt,
  makeDirectory,
  type ExistingEntry,
} from '../../target/filesystem/target-entry.ts';
import { refusal } from '../../target/filesystem/target-error.ts';
import type { OperationContext } from '../operation.ts';
import { ContentPlanner } from './content-planner.ts';
import { isFatal, unfinishedMode, type FileRestorer } from './file-restorer.ts';
import type { RestoreTally } from './restore-tally.ts';
import { LinkedNamesInTarget, type Place, placeOf, type WaitingName } from './linked-names.ts';
import { factsOf } from './entry-facts.ts';
import type { PlannerOptions, PlannerTarget } from './planner-options.ts';
import { Removals } from './removals.ts';
import { keyOf, type Level, newLevel, nextOf, noTree } from './restore-level.ts';
import {
  newFile,
  RestoreWindow,
  type FirstName,
  type LaterName,
  type RestoredFile,
} from './restore-window.ts';
import type { WindowRunner } from './window-runner.ts';

/** Other things want their turn this often, in milliseconds. */
const TURN = 5;
const noBytes = new Uint8Array(0);

/**
 * Walks a snapshot and decides for every entry what is to be done: makes directories, links and special files at once, and plans the content of files in
 * windows. Everything is reached from the target's handle; names were checked when the trees were decoded.
 */
export class RestorePlanner {
  readonly #blobs: BlobReader;
  /** Undefined in a dry run into a target that does not exist. */
  readonly #files: FileRestorer | undefined;
  readonly #runner: WindowRunner | undefined;
  readonly #tally: RestoreTally;
  readonly #options: PlannerOptions;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #firstNames = new Map<string, FirstName>();
  readonly #linked = new LinkedNamesInTarget();
  readonly #levels: Level[] = [];
  readonly #content: ContentPlanner | undefined;
  readonly #removals: Removals | undefined;
  #window: RestoreWindow;
  #lastTurn = -Infinity;

  constructor(
    blobs: BlobReader,
    target: PlannerTarget | undefined,
    tally: RestoreTally,
    options: PlannerOptions,
    { clock, signal }: Pick<OperationContext, 'clock' | 'signal'>,
  ) {
    this.#blobs = blobs;
    this.#files = target?.files;
    this.#runner = target?.runner;
    this.#tally = tally;
    this.#options = options;
    this.#clock = clock;
    this.#signal = signal;
    this.#window = new RestoreWindow(blobs);
    this.#removals = target && new Removals(target.files.tree, tally, options);
    this.#content =
      target === undefined
        ? undefined
        : new ContentPlanner(blobs, target.files, tally, {
            window: () => this.#window,
            turn: () => this.#turn(),
          });
  }

  /**
   * Restores what is in a directory into the target; the metadata of the target itself is left to the caller. `filter` undefined: everything.
   * False if the directory could not be read.
   */
  async restoreDirectory(root: TreeEntry, filter: DirectoryFilter | undefined): Promise<boolean> {
    const level = await this.#read(noBytes, root, filter);
    level.isMade = true;
    level.isFresh = this.#options.isFresh;
    this.#levels.push(level);
    this.#attempt(noBytes, () => this.#removals?.others(level));
    for (let top = this.#levels.at(-1); top !== undefined; top = this.#levels.at(-1)) {
      const index = top.isBlocked ? undefined : nextOf(top);
      if (index === undefined) this.#leave(top);
      else {
        const waiting = this.#restore(top, top.tree.entries[index]!, top.tree.encoded[index]!);
        if (waiting !== undefined) await waiting;
      }
      await this.#turn();
    }
    await this.#end();
    return level.isWhole;
  }

  /** Restores one entry that is no directory into the target. `encoded` is the same entry. */
  async restoreOne(entry: TreeEntry, encoded: Uint8Array): Promise<void> {
    const { isFresh } = this.#options;
    const level = { ...this.#levelOf(noBytes, entry, noTree, undefined), isMade: true, isFresh };
    await this.#restoreEntry(level, entry, encoded);
    await this.#end();
  }

  async #end(): Promise<void> {
    await this.#settleWaiting();
    await this.#submit();
    await this.#runner?.finish();
    await this.#settleUnlinked();
  }

  async #turn(): Promise<void> {
    if (this.#window.isFull) await this.#submit();
    const now = this.#clock.monotonic();
    if (now - this.#lastTurn < TURN) return;
    await nextTurn();
    this.#signal.throwIfAborted();
    this.#lastTurn = this.#clock.monotonic();
  }

  async #submit(): Promise<void> {
    const window = this.#window;
    this.#window = window.next(this.#blobs);
    await this.#runner?.submit(window);
  }

  #restore(level: Level, entry: TreeEntry, encoded: Uint8Array): Promise<void> | undefined {
    const verdict = level.filter?.child(entry.name, factsOf(entry));
    if (entry.type === 'directory') {
      if (verdict !== undefined && !verdict.included && verdict.below === undefined) {
        return undefined;
      }
      return this.#enter(level, entry, verdict);
    }
    if (verdict !== undefined && !verdict.included) return undefined;
    return this.#ensureMade() ? this.#restoreEntry(level, entry, encoded) : undefined;
  }

  async #enter(parent: Level, entry: TreeEntry, verdict: Verdict | undefined): Promise<void> {
    const path = joinPath(parent.path, entry.name);
    const isEmpty = verdict !== undefined && verdict.below === undefined;
    const level = isEmpty
      ? this.#levelOf(path, entry, noTree, undefined)
      : await this.#read(path, entry, verdict?.below);
    this.#levels.push(level);
    if (verdict === undefined || verdict.included) this.#ensureMade();
  }

  #leave(level: Level): void {
    this.#levels.pop();
    if (!level.isMade || level.isBlocked) return;
    this.#tally.directories++;
    if (!level.restoresMetadata || this.#options.dryRun || level.path.length === 0) return;
    this.#window.directories.push({ path: level.path, entry: level.entry });
  }

  /** A directory that is not made yet. One that cannot be read is a problem, and stays empty. */
  async #read(
    path: Uint8Array,
    entry: TreeEntry,
    filter: DirectoryFilter | undefined,
  ): Promise<Level> {
    try {
      const tree = await readTree(this.#blobs, entry.tree!);
      return this.#levelOf(path, entry, tree, filter);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#tally.damaged++;
      this.#tally.problem(path, error);
      return { ...this.#levelOf(path, entry, noTree, filter), isWhole: false };
    }
  }

  #levelOf(
    path: Uint8Array,
    entry: TreeEntry,
    tree: StoredTree,
    filter: DirectoryFilter | undefined,
  ): Level {
    const isLeading = this.#options.leading.has(keyOf(path));
    return newLevel({ path, entry, tree, filter, isLeading });
  }

  /** Makes the directories on the way that are not there yet; false if something is in the way. */
  #ensureMade(): boolean {
    for (const [depth, level] of this.#levels.entries()) {
      if (!level.isMade) this.#make(this.#levels[depth - 1]!, level);
      if (level.isBlocked) return false;
    }
    return true;
  }

  #make(parent: Level, level: Level): void {
    level.isMade = true;
    const { entry, path } = level;
    const { policy, dryRun } = this.#options;
    const isDone = this.#attempt(path, () => {
      const existing = this.#lookAt(parent, entry.name);
      const isDirectory = existing?.type === 'directory';
      const place = existing && this.#options.sparedPlaces.at(existing);
      level.isKept = parent.isKept || place !== undefined;
      if (place?.isUntouchable === true) {
        level.isBlocked = true;
        if (level.tree.entries.length > 0) throw refusal(path, `it is ${place.title}`);
        this.#tally.spared(path, place);
        return;
      }
      const action = actionFor(policy, existing, entry);
      level.isBlocked = action === 'skip' && !isDirectory;
      level.isFresh = !isDirectory;
      if (isDirectory) level.restoresMetadata &&= action !== 'skip';
      if (level.isBlocked) {
        this.#tally.leave(path, 0);
        return;
      }
      if (existing !== undefined && !isDirectory) this.#removals?.clear(parent, entry.name, path);
      if (!dryRun) makeDirectory(this.#at(parent), entry.name);
      if (!isDirectory) this.#tally.entry('restored', () => path, 0);
    });
    if (!isDone) level.isBlocked = true;
    if (!level.isBlocked) this.#attempt(path, () => this.#removals?.others(level));
  }

  #restoreEntry(level: Level, entry: TreeEntry, encoded: Uint8Array): Promise<void> | undefined {
    if (entry.hardLink !== undefined && !this.#firstNames.has(keyOf(entry.hardLink))) {
      if (this.#waitForOthers(keyOf(entry.hardLink), { place: level, entry, encoded })) {
        return undefined;
      }
    }
    return this.#restoreName(level, entry, encoded);
  }

  /** Whether a name is to wait until the other names of its inode are known, so that the inode can stay. If all are by now, it stays. */
  #waitForOthers(key: string, name: WaitingName): boolean {
    const { place, entry } = name;
    let waits = false;
    const isDone = this.#attempt(joinPath(place.path, entry.name), () => {
      const existing = this.#lookAt(place, entry.name);
      waits = this.#linked.has(key) || this.#mayStay(existing, entry);
      if (!waits) return;
      const directory = existing === undefined ? '' : identityOf(this.#at(place));
      this.#linked.add(key, name, existing, directory);
      const complete = this.#linked.takeComplete(key, existing);
      if (complete !== undefined) this.#keepTogether(key, complete);
    });
    return waits || !isDone;
  }

  /** Whether something with several names would be left as it is but for these. */
  #mayStay(existing: ExistingEntry | undefined, entry: TreeEntry): boolean {
    if (existing === undefined || existing.links === 1) return false;
    if (existing.mode === unfinishedMode || this.#options.verify) return false;
    return actionFor(this.#options.policy, { ...existing, links: 1 }, entry) === 'keep';
  }

  /** Leaves an inode that has these names and no others. */
  #keepTogether(key: string, together: readonly WaitingName[]): void {
    const [{ place, entry }] = together as readonly [WaitingName];
    const path = joinPath(place.path, entry.name);
    this.#firstNames.set(key, { directory: place.path, name: entry.name, file: undefined });
    this.#attempt(path, () => {
      if (this.#options.dryRun) return;
      if (entry.type === 'file') this.#applyToKept(place, entry, together.length);
      else this.#files?.metadata.applyToSpecial(this.#at(place), entry.name, entry, path);
    });
    for (const name of together) {
      this.#tally.unchanged(joinPath(name.place.path, name.entry.name), name.entry);
    }
  }

  /**
   * Restores the names that have waited: those that an inode that stays has not yet, and those that have waited in vain, since the inode has names that are not the
   * snapshot's: it is theirs, and a new one is made.
   */
  async #settleWaiting(): Promise<void> {
    const waiting = this.#linked.takeAll();
    if (waiting.length === 0) return;
    // What is written until now finishes the directories that they are in; now these are opened again.
    await this.#submit();
    await this.#runner?.finish();
    await this.#restoreLate(waiting);
  }

  /** Names whose first one could not be written: the next one becomes the first. */
  async #settleUnlinked(): Promise<void> {
    for (;;) {
      const names = this.#runner?.takeUnlinked() ?? [];
      if (names.length === 0) return;
      for (const { entry, first } of names) this.#dropFirst(keyOf(entry.hardLink!), first.file);
      await this.#restoreLate(names);
      await this.#submit();
      await this.#runner?.finish();
    }
  }

  /** The first of several names was not written. */
  #dropFirst(key: string, file: RestoredFile | undefined): void {
    if (this.#firstNames.get(key)?.file === file) this.#firstNames.delete(key);
  }

  /** Restores names in directories that are finished already. */
  async #restoreLate(waiting: readonly WaitingName[]): Promise<void> {
    const touched = new Map<string, Place>();
    for (const { place, entry, encoded } of waiting) {
      const { path } = place;
      if (!touched.has(keyOf(path))) {
        touched.set(keyOf(path), place);
        this.#attempt(path, () => this.#reopen(path));
      }
      await this.#restoreName(place, entry, encoded);
      await this.#turn();
    }
    for (const { path, entry, restoresMetadata } of touched.values()) {
      const isLeft = restoresMetadata && path.length > 0 && !this.#options.dryRun;
      if (isLeft) this.#window.directories.push({ path, entry });
    }
  }

  #reopen(path: Uint8Array): void {
    if (path.length === 0 || this.#options.dryRun || this.#files === undefined) return;
    const slash = path.lastIndexOf(0x2f);
    const parent = this.#files.tree.directory(path.subarray(0, Math.max(0, slash)));
    makeDirectory(parent, path.subarray(slash + 1));
  }

  #restoreName(level: Place, entry: TreeEntry, encoded: Uint8Array): Promise<void> | undefined {
    const path = joinPath(level.path, entry.name);
    const key = entry.hardLink === undefined ? undefined : keyOf(entry.hardLink);
    const first = key === undefined ? undefined : this.#firstNames.get(key);
    let waiting: Promise<void> | undefined;
    this.#attempt(path, () => {
      if (first !== undefined && this.#isSameAs(first, level, entry.name)) {
        this.#tally.unchanged(path, entry);
        return;
      }
      const action = this.#actionFor(level, entry, first !== undefined);
      if (action === 'skip') {
        this.#skip(level, entry, path);
        return;
      }
      if (action === 'replace') this.#removals?.clear(level, entry.name, path);
      if (first !== undefined) {
        this.#later({ place: level, entry, encoded, first }, path);
        return;
      }
      const file = newFile(level.path, entry, encoded, action === 'update');
      if (key !== undefined) {
        this.#firstNames.set(key, { directory: level.path, name: entry.name, file });
      }
      if (this.#options.dryRun) this.#pretend(action, path, entry);
      else {
        const planned = this.#restoreFirst(level, entry, file, action === 'keep');
        waiting = planned?.catch((error: unknown) => this.#note(path, error));
      }
    });
    return waiting;
  }

  /** Restores what has this name only, or this one as the first. If that fails, the next one becomes the first. */
  #restoreFirst(
    level: Place,
    entry: TreeEntry,
    file: RestoredFile,
    isThere: boolean,
  ): Promise<void> | undefined {
    const failed = (error: unknown): never => {
      if (entry.hardLink !== undefined) this.#dropFirst(keyOf(entry.hardLink), file);
      throw error;
    };
    const path = joinPath(level.path, entry.name);
    try {
      if (entry.type !== 'file') this.#restoreSpecial(level, entry, path, isThere);
      else if (isThere) this.#keep(level, entry, path);
      else return this.#content!.plan(file, entry)?.catch(failed);
    } catch (error) {
      failed(error);
    }
    return undefined;
  }

  /** Whether a name means what has the first name, as it does where a directory is mounted twice: to remove it would take away the other one, too. */
  #isSameAs(first: FirstName, level: Place, name: Uint8Array): boolean {
    // The directory of the first name may not be there in a dry run.
    const own = this.#options.dryRun ? undefined : this.#lookAt(level, name);
    if (own === undefined) return false;
    const other = lookAt(this.#at({ path: first.directory }), first.name);
    return other?.inode === own.inode && other.device === own.device;
  }

  #actionFor(level: Place, entry: TreeEntry, isLater: boolean): RestoreAction {
    const { policy, verify } = this.#options;
    const existing = this.#lookAt(level, entry.name);
    if (existing?.type === 'file' && existing.mode === unfinishedMode && entry.type === 'file') {
      return isLater || existing.links > 1 ? 'replace' : 'update';
    }
    const action = actionFor(policy, existing, entry);
    if (isLater) return action === 'skip' || action === 'create' ? action : 'replace';
    return verify && action === 'keep' && entry.type === 'file' ? 'update' : action;
  }

  #later({ place, entry, ...own }: LaterName, path: Uint8Array): void {
    if (this.#options.dryRun) {
      this.#tally.links++;
      this.#tally.count(entry);
      this.#tally.entry('restored', () => path, entry.size);
    } else this.#window.links.push({ place: placeOf(place), entry, ...own });
  }

  #restoreSpecial(level: Place, entry: TreeEntry, path: Uint8Array, isThere: boolean): void {
    const at = this.#at(level);
    if (!isThere) {
      if (entry.type === 'symlink') createSymlink(at, entry.name, entry.linkTarget!);
      else createSpecial(at, entry.name, entry);
    }
    this.#files?.metadata.applyToSpecial(at, entry.name, entry, path);
    this.#tally.others++;
    this.#tally.entry(isThere ? 'unchanged' : 'restored', () => path, 0);
  }

  /** The content is right already. */
  #keep(place: Place, entry: TreeEntry, path: Uint8Array): void {
    this.#applyToKept(place, entry, 1);
    this.#tally.unchanged(path, entry);
  }

  #applyToKept({ path: directory }: Place, entry: TreeEntry, links: number): void {
    try {
      this.#files?.keep(directory, entry, links);
    } catch (error) {
      // Immutable or being run, and with the right size and time: finished by an earlier restore.
      if (!hasCode(error, 'target/refused')) throw error;
    }
  }

  #pretend(action: RestoreAction, path: Uint8Array, entry: TreeEntry): void {
    if (action === 'keep') {
      this.#tally.unchanged(path, entry);
      return;
    }
    this.#tally.count(entry);
    // Nobody has compared blocks: all may differ.
    this.#tally.counters.bytesAdded += entry.type === 'file' ? entry.size : 0;
    this.#tally.entry('restored', () => path, entry.size);
  }

  /** The policy leaves what is there, which may be the same all the same. */
  #skip(level: Place, entry: TreeEntry, path: Uint8Array): void {
    const existing = this.#lookAt(level, entry.name);
    if (existing !== undefined && looksSame(existing, entry)) this.#tally.unchanged(path, entry);
    else this.#tally.leave(path, entry.size);
  }

  #at({ path }: Pick<Place, 'path'>): number {
    if (this.#files === undefined) throw new AppError('internal', 'There is no target');
    return this.#files.tree.directory(path);
  }

  #lookAt(level: Place, name: Uint8Array): ExistingEntry | undefined {
    return level.isFresh ? undefined : lookAt(this.#at(level), name);
  }

  /** What fails for one entry is a problem; what would fail for all ends the restore. */
  #attempt(path: Uint8Array, call: () => void): boolean {
    try {
      call();
      return true;
    } catch (error) {
      this.#note(path, error);
      return false;
    }
  }

  #note(path: Uint8Array, error: unknown): void {
    if (!hasCode(error, 'target/refused', 'target/unwritable', 'repository/damaged')) throw error;
    if (isFatal(error)) throw error;
    if (isDamage(error)) this.#tally.damaged++;
    this.#tally.problem(path, error);
  }
}
