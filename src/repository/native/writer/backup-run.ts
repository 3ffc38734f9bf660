import { equalBytes, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { Access } from '../access.ts';
import { loadIndex } from '../index/index-list.ts';
import type { Final, SourceKind } from '../objects/final.ts';
import { objectPrefixes, parseObjectName, pendingName } from '../objects/object-name.ts';
import { decodePending, encodePending } from '../objects/pending.ts';
import type { ContentModule } from '../worker/content-module.ts';
import { adoptPacks } from './adopt-packs.ts';
import { publishFinal, sealFinal, type Committed, type PublishedFinal } from './commit.ts';
import { openRunTable } from './run-table.ts';
import type { SealSequence } from './seal-sequence.ts';
import { SnapshotWriter, type WriterSettings } from './snapshot-writer.ts';

/** A pending record is renewed this often while a run lasts. */
const RENEWAL = 6 * 60 * 60 * 1000;

/** What a snapshot says about itself besides its tree. */
export interface SnapshotDraft {
  /** Milliseconds since 1970. */
  readonly started: number;
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
    adopted: number,
    content: ContentModule,
    settings: WriterSettings,
    sequence: SealSequence,
    signal: AbortSignal,
  ) {
    this.#access = access;
    this.runId = runId;
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
    signal: AbortSignal,
  ): Promise<BackupRun> {
    const content = (await import(settings.contentModule)) as ContentModule;
    const runId = toHex(access.random(16));
    const interrupted = await hasPending(access, { signal });
    await putPending(access, runId, 0, { signal });
    const adopted = interrupted
      ? await adoptPacks(access, await loadIndex(access, { signal }), { signal })
      : 0;
    return new BackupRun(access, runId, adopted, content, settings, sequence, signal);
  }

  /** W2: a writer on a table of its own. After `commit` said that something was lost, another one is made and the source is walked again. */
  async openWriter(): Promise<SnapshotWriter> {
    const run = await openRunTable(this.#access, { without: this.#lost, signal: this.#signal });
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
    const final: Final = {
      ...draft,
      id: toHex(this.#access.random(16)),
      root,
      ended: this.#access.clock.now(),
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

  /** W12. The snapshot is complete: a record that cannot be deleted is no failure. The seal with the same run id ends it. */
  async #end(): Promise<void> {
    this.#ended = true;
    for (let number = 0; number < this.#pendings; number++) {
      try {
        await this.#access.storage.delete(pendingName(this.runId, number));
      } catch (error) {
        if (!hasCode(error, 'storage/access-denied', 'storage/unavailable')) throw error;
      }
    }
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

/** Whether some run of this host has not come to its end: it was interrupted, or is still at work. */
async function hasPending(access: Access, options: CallOptions): Promise<boolean> {
  const { storage, verifying, hostId } = access;
  for await (const { name } of storage.list(objectPrefixes.pending, options)) {
    if (parseObjectName(name)?.type !== 'pending') continue;
    try {
      const { value } = decodePending(name, await storage.read(name, options), verifying);
      if (value.hostId === hostId) return true;
    } catch (error) {
      // Gone meanwhile, or damaged: then there may be something to adopt, and looking costs little.
      if (hasCode(error, 'repository/damaged')) return true;
      if (!hasCode(error, 'storage/not-found')) throw error;
    }
  }
  return false;
}
