import { toHex } from '../../../base/bytes.ts';
import type { Access } from '../access.ts';
import type { Verdicts } from '../index/verdict-list.ts';
import { decodePackTable } from '../packs/pack-table.ts';
import type { Catalogue, CataloguePack } from './catalogue.ts';

/** How much of a pack snapshots need. */
export interface PackUse {
  readonly pack: CataloguePack;
  /** Blobs that are used and that no better place has. */
  readonly liveBlobs: number;
  readonly deadBlobs: number;
  /** Stored bytes of segments of which nothing is used: copying the others frees them. */
  readonly freedByCopying: number;
  /** Stored bytes of unused blobs beside used ones, by their share of the raw length: only opening the segment frees them. */
  readonly freedByRewriting: number;
}

/** What is used of every pack of a catalogue whose used blobs are marked. */
export function packUses(access: Access, catalogue: Catalogue, verdicts: Verdicts): PackUse[] {
  return catalogue.packs.map((pack, number) => packUse(access, catalogue, verdicts, pack, number));
}

function packUse(
  access: Access,
  { table, packs }: Catalogue,
  verdicts: Verdicts,
  pack: CataloguePack,
  number: number,
): PackUse {
  let [liveBlobs, deadBlobs, freedByCopying, freedByRewriting, ordinal] = [0, 0, 0, 0, 0];
  for (const segment of decodePackTable(pack.table).segments) {
    let liveRaw = 0;
    let isLive = false;
    for (const { id, rawLength } of segment.blobs) {
      const found = table.find(id);
      const isHere = found?.pack === number && found.ordinal === ordinal;
      ordinal++;
      const isNeeded =
        found?.used === true && (isHere || !canReplace(access, verdicts, packs[found.pack]!, pack));
      if (isNeeded) {
        liveBlobs++;
        isLive = true;
        liveRaw += rawLength;
      } else deadBlobs++;
    }
    if (segment.blobs.length === 0) continue;
    if (!isLive) freedByCopying += segment.storedLength;
    else {
      freedByRewriting += Math.round(
        segment.storedLength * (1 - liveRaw / Math.max(1, segment.rawLength)),
      );
    }
  }
  return { pack, liveBlobs, deadBlobs, freedByCopying, freedByRewriting };
}

/** Whether the blobs of one pack may stand for the same ones in another; a first look, which C6 repeats with the signed tables. */
function canReplace(
  access: Access,
  verdicts: Verdicts,
  copy: CataloguePack,
  pack: CataloguePack,
): boolean {
  if (copy === pack) return true;
  if (verdicts.isBad(copy)) return false;
  return (
    copy.signer === pack.signer ||
    verdicts.isGood(copy) ||
    access.verifying.findSigner(toHex(copy.head.signer))?.role === 'owner'
  );
}
