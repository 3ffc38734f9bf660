import { equalBytes, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { Access } from '../access.ts';
import type { LiveRuns } from '../hosts/live-runs.ts';
import { loadIndex } from '../index/index-list.ts';
import type { Final, SourceKind } from '../objects/final.ts';
import { objectPrefixes, parseObjectName, pendingName } from '../objects/object-name.ts';
import { decodePending, encodePending } from '../objects/pending.ts';
import type { ContentModule } from '../worker/content-module.ts';
import { adoptPacks } from './adopt-packs.ts';
import { publishFinal, sealFinal, type Committed, type PublishedFinal } from './commit.ts';
import { removeLifeSigns } from './remove-life-signs.ts';
import { openRunTable } from './run-table.ts';
import type { SealSequence } from './seal-sequence.ts';
import { SnapshotWriter, type WriterSettings } from './snapshot-writer.ts';

/** A pending record is renewed this often while a run lasts. */
const RENEWAL = 6 * 60 * 60 * 1000;

/** What a writer stores something below. */
const preparedPrefixes = [
  objectPrefixes.pack,
  objectPrefixes.index,
  objectPrefixes.final,
  objectPrefixes.seal,
];

/** What a snapshot says about itself besides its tree. */
export interface SnapshotDraft {
  /** What the snapshot says, milliseconds since 1970. */
  readonly started: number;
  /** When it really began, by the clock. */
  readonly begun: number;
  readonly hostName: string;
  readonly userName: string;
  readonly paths: readonly Uint8Array[];
  readonly tags: readonly string[];
  readonly commonParent: Uint8Array | undefined;
  readonly sourceKind: SourceKind;
  readonly program: string;
}

/** One backup, from the first sign of life to the seal (native.md, section 14.1). */
export class BackupRun implements AsyncDisposable {
  readonly runId: string;
  /** Packs of an interrupted run that this one could take over. */
  readonly adopted: number;
  readonly #access: Access;
  readonly #life: Disposable;
  /** What runs left behind whose packs are adopted. */
  readonly #dead: readonly OwnPending[];
  readonly #content: ContentModule;
  readonly #settings: WriterSettings;
  readonly #sequence: SealSequence;
  readonly #signal: AbortSignal;
  readonly #stop = new AbortController();
  readonly #renewing: Promise<void>;
  readonly #voided: number[] = [];
  readonly #lost = new Set<string>();
  #pendings = 1;
  #published: PublishedFinal | undefined;
  #ended = false;

  private constructor(
    access: Access,
    runId: string,
    life: Disposable,
    dead: readonly OwnPending[],
    adopted: number,
    content: ContentModule,
    settings: WriterSettings,
    sequence: SealSequence,
    signal: AbortSignal,
  ) {
    this.#access = access;
    this.runId = runId;
    this.#life = life;
    this.#dead = dead;
    this.adopted = adopted;
    this.#content = content;
    this.#settings = settings;
    this.#sequence = sequence;
    this.#signal = signal;
    this.#renewing = this.#renew();
  }

  /** W1, and W3 if a run of this host was interrupted. */
  static async begin(
    access: Access,
    settings: WriterSettings,
    sequence: SealSequence,
    runs: LiveRuns,
    signal: AbortSignal,
  ): Promise<BackupRun> {
    const content = (await import(settings.contentModule)) as ContentModule;
    const runId = toHex(access.random(16));
    const life = runs.hold(runId);
    try {
      // At once: the own record may be listed or not, it is that of a living run.
      const [pendings] = await Promise.all([
        listOwnPendings(access, { signal }),
        putPending(access, runId, 0, { signal }),
      ]);
      const dead = pendings.filter((pending) => !runs.isAlive(pending.runId));
      const adopted =
        dead.length > 0
          ? await adoptPacks(access, await loadIndex(access, { signal }), { signal })
          : 0;
      return new BackupRun(access, runId, life, dead, adopted, content, settings, sequence, signal);
    } catch (error) {
      life[Symbol.dispose]();
      throw error;
    }
  }

  /** W2: a writer on a table of its own. After `commit` said that something was lost, another one is made and the source is walked again. */
  async openWriter(): Promise<SnapshotWriter> {
    const run = await openRunTable(this.#access, { without: this.#lost, signal: this.#signal });
    // Where directories have to be made, they are while the source is being read.
    const making = this.#access.storage.prepare?.(preparedPrefixes, { signal: this.#signal });
    making?.catch(() => undefined);
    return new SnapshotWriter(
      this.#access,
      this.runId,
      run,
      this.#content,
      this.#settings,
      this.#signal,
    );
  }

  /**
   * W5 to W12. `undefined`: a collector has taken or is about to take something that the tree relies on (W9), or the final itself (W11): write the tree again
   * with a new writer.
   */
  async commit(writer: SnapshotWriter, draft: SnapshotDraft): Promise<Committed | undefined> {
    const access = this.#access;
    const options = { signal: this.#signal };
    const { root, relied } = await writer.finish();
    this.#published = await this.#publish(writer, draft, root);
    for (;;) {
      const result = await sealFinal(
        access,
        this.#published,
        relied,
        this.#sequence,
        this.#voided,
        options,
      );
      if ('snapshotId' in result) {
        await this.#end();
        return result;
      }
      if ('lost' in result) {
        // The index may go on naming a pack that is gone: it must not be counted on again (W9).
        for (const { name } of result.lost) this.#lost.add(name);
        return undefined;
      }
      this.#voided.push(result.voided);
      // The final was taken away: the same tree gets a new one.
      const again = { ...this.#published.final, id: toHex(access.random(16)) };
      this.#published = await publishFinal(access, again, options);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#renewing;
    this.#life[Symbol.dispose]();
  }

  /** W6, unless the same tree was published already. */
  async #publish(
    writer: SnapshotWriter,
    draft: SnapshotDraft,
    root: Uint8Array,
  ): Promise<PublishedFinal> {
    const before = this.#published;
    if (before !== undefined && equalBytes(before.final.root, root)) return before;
    const { counters } = writer;
    const { begun, ...described } = draft;
    const final: Final = {
      ...described,
      id: toHex(this.#access.random(16)),
      root,
      ended: draft.started + this.#access.clock.now() - begun,
      runId: this.runId,
      statistics: {
        files: counters.files,
        directories: counters.directories,
        others: counters.others,
        bytes: counters.bytes,
        newFiles: counters.filesNew,
        changedFiles: counters.filesChanged,
        unchangedFiles: counters.filesUnchanged,
        addedBytes: writer.added,
        storedBytes: writer.stored,
        errors: counters.errors,
      },
    };
    return publishFinal(this.#access, final, { signal: this.#signal });
  }

  /** W12. */
  async #end(): Promise<void> {
    this.#ended = true;
    const own = Array.from({ length: this.#pendings }, (_, number) =>
      pendingName(this.runId, number),
    );
    await removeLifeSigns(this.#access, [...own, ...this.#dead.map(({ name }) => name)]);
  }

  async #renew(): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, this.#signal]);
    try {
      for (;;) {
        await this.#access.clock.sleep(RENEWAL, { signal });
        if (this.#ended) return;
        await putPending(this.#access, this.runId, this.#pendings++, { signal });
      }
    } catch (error) {
      // A run without fresh records only risks storing something twice (9.2).
      if (!signal.aborted && !(error instanceof AppError)) throw error;
    }
  }
}

async function putPending(
  access: Access,
  runId: string,
  number: number,
  options: CallOptions,
): Promise<void> {
  const time = access.clock.now();
  const pending = { runId, number, hostId: access.hostId, time };
  const { name, bytes } = encodePending(pending, access.signing);
  await access.storage.put(name, bytes, options);
}

/** A pending record of this host. */
interface OwnPending {
  readonly name: string;
  readonly runId: string;
}

/** The records of this host's runs that have not come to their end: they were interrupted, or are still at work. */
async function listOwnPendings(access: Access, options: CallOptions): Promise<OwnPending[]> {
  const { storage, verifying, hostId } = access;
  const own: OwnPending[] = [];
  for await (const { name } of storage.list(objectPrefixes.pending, options)) {
    if (parseObjectName(name)?.type !== 'pending') continue;
    try {
      const { value } = decodePending(name, await storage.read(name, options), verifying);
      if (value.hostId === hostId) own.push({ name, runId: value.runId });
    } catch (error) {
      // Gone meanwhile; or damaged, which `check` reports.
      if (!hasCode(error, 'storage/not-found', 'repository/damaged')) throw error;
    }
  }
  return own;
}
