import { createHash } from 'node:crypto';

import { equalBytes, toHex } from '../../../base/bytes.ts';
import { discardBytes } from '../../../base/discard-bytes.ts';
import { messageOf } from '../../../base/errors.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { keyPairFromSeed, type XWingSecret } from '../../../codec/encryption/x-wing.ts';
import { BlobNamer } from '../content/blob-id.ts';
import { UnknownSignerError, type FindSigner, type KnownSigner } from '../objects/signed-body.ts';
import { blobsIn, layOut, type PackLayout, type PlacedSegment } from '../packs/pack-layout.ts';
import { tableHash, type PackKind } from '../packs/pack-table.ts';
import { openPackTail, type PackTail } from '../packs/pack-tail.ts';
import { SegmentOpener } from '../packs/segment-opener.ts';
import type { CheckWorkerSetup, PackExamination } from '../worker/check-messages.ts';

/** What is said of a pack of which nothing can be used, or of which the table cannot be verified without its signer. */
export function nothingUsable(problem: string, unknownSigner?: string): PackExamination {
  const nothing = { badBlobs: [], isLie: false, tableHash: undefined, blobs: 0 };
  return { problems: [problem], ...nothing, unknownSigner };
}

/** Examines whole packs in memory: the name, the table, every segment, every id. Synchronous. */
export class PackExaminer {
  readonly #setup: CheckWorkerSetup;
  readonly #namer: BlobNamer;
  readonly #secrets: Readonly<Record<PackKind, XWingSecret | undefined>>;
  readonly #findSigner: FindSigner;

  constructor(setup: CheckWorkerSetup) {
    const { metaSeed, dataSeed } = setup;
    this.#setup = setup;
    this.#namer = new BlobNamer(setup.idKey);
    this.#secrets = {
      meta: metaSeed && keyPairFromSeed(metaSeed).secret,
      data: dataSeed && keyPairFromSeed(dataSeed).secret,
    };
    const signers = new Map<string, KnownSigner>(
      setup.signers.map((signer) => [signer.id, signer]),
    );
    this.#findSigner = (id) => signers.get(id);
  }

  examine(name: string, bytes: Uint8Array): PackExamination {
    const problems: string[] = [];
    let tail: PackTail;
    let layout: PackLayout;
    try {
      tail = openPackTail(bytes, { keys: this.#setup, findSigner: this.#findSigner });
      layout = layOut(name, bytes, tail.record);
      if (layout.end !== tail.tableOffset) {
        throw new MalformedError('Segments and table do not fit together');
      }
    } catch (error) {
      // A newer version, a torn end, a forged table: nothing of it can be used.
      const unknownSigner = error instanceof UnknownSignerError ? error.hostId : undefined;
      return nothingUsable(messageOf(error), unknownSigner);
    }
    const running = createHash('sha256').update(bytes.subarray(0, tail.tableOffset));
    const bodyHash = running.copy().digest();
    running.update(bytes.subarray(tail.tableOffset));
    if (running.digest('hex') !== name) problems.push('Its bytes are not those it is named after');
    else if (!equalBytes(bodyHash, tail.table.bodyHash)) {
      problems.push('Its segments are not those that were signed');
    }
    const isWhole = problems.length === 0;
    const badBlobs = this.#badBlobs(layout, bytes, problems);
    return {
      problems,
      badBlobs,
      isLie: isWhole && badBlobs.length > 0,
      tableHash: toHex(tableHash(tail.record)),
      blobs: layout.segments.reduce((sum, { blobs }) => sum + blobs.length, 0),
    };
  }

  #badBlobs(layout: PackLayout, bytes: Uint8Array, problems: string[]): string[] {
    const { kind } = layout.table;
    const secret = this.#secrets[kind];
    if (secret === undefined) return [];
    const bad: string[] = [];
    const openers: (SegmentOpener | Error | undefined)[] = [];
    for (const segment of layout.segments) {
      const opener = (openers[segment.slot] ??= this.#openerOf(layout, segment, secret));
      try {
        if (opener instanceof Error) throw opener;
        const stored = bytes.subarray(segment.offset, segment.offset + segment.storedLength);
        const opened = opener.open(segment, stored);
        for (const { blob, raw } of blobsIn(segment, opened)) {
          if (!equalBytes(this.#namer.nameOf(blob.type, raw), blob.id)) {
            bad.push(toHex(blob.id));
            problems.push(`Blob ${toHex(blob.id)} is not what its id says`);
          }
        }
        discardBytes(opened);
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
        problems.push(`The segment at byte ${segment.offset} is damaged: ${error.message}`);
        bad.push(...segment.blobs.map(({ id }) => toHex(id)));
      }
    }
    return bad;
  }

  #openerOf(
    layout: PackLayout,
    { slot }: PlacedSegment,
    secret: XWingSecret,
  ): SegmentOpener | Error {
    try {
      const { kind } = layout.table;
      return new SegmentOpener(secret, layout.slots[slot]!, kind, this.#setup.repositoryId);
    } catch (error) {
      if (error instanceof MalformedError) return error;
      throw error;
    }
  }
}
