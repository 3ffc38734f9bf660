/** A thread that claims ids from a shared table as a store worker does, and tells which it got. */
import { parentPort, workerData } from 'node:worker_threads';

import { BlobTable, type BlobTableMemory } from '../../src/repository/native/index/blob-table.ts';

export interface ClaimWork {
  readonly table: BlobTableMemory;
  /** 32 bytes an id. */
  readonly ids: Uint8Array;
  /** A new pack is opened after so many claims. */
  readonly packSize: number;
}

/** For every id the pack and ordinal it was given here, or −1 and −1 if it was there already. */
const { table: memory, ids, packSize } = workerData as ClaimWork;
const table = new BlobTable(memory);
const places = new Int32Array((ids.length / 32) * 2).fill(-1);
let pack = -1;
let ordinal = packSize;
for (let index = 0; index * 32 < ids.length; index++) {
  const id = ids.subarray(index * 32, (index + 1) * 32);
  if (table.use(id) !== undefined) continue;
  if (ordinal >= packSize) {
    pack = table.openPack();
    ordinal = 0;
  }
  if (!table.claim(id, pack, ordinal)) continue;
  places[index * 2] = pack;
  places[index * 2 + 1] = ordinal++;
}
parentPort!.postMessage(places);
