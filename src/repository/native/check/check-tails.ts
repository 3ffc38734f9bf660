import { equalBytes, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode, messageOf } from '../../../base/errors.ts';
import { eachPool } from '../../../base/pool.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { openSlot } from '../../../codec/encryption/slot.ts';
import { keyPairFromSeed } from '../../../codec/encryption/x-wing.ts';
import type { Access } from '../access.ts';
import type { CataloguePack } from '../collector/catalogue.ts';
import { packName } from '../objects/object-name.ts';
import { unknownSignerOf } from '../objects/signed-object.ts';
import { readPackLayout } from '../packs/pack-layout.ts';
import { tableHash } from '../packs/pack-table.ts';
import { readPackTail } from '../packs/pack-tail.ts';
import { isUnreadableObject } from '../reader/unreadable-object.ts';

/** What is wrong with a pack that was not read whole. */
export interface TailProblem {
  readonly pack: CataloguePack;
  readonly message: string;
  /** The pack says something else of itself than the index: its own word counts. */
  readonly isIndexWrong: boolean;
  readonly ownTable: string | undefined;
  /** All that is wrong is that the certificate of this host is missing. */
  readonly unknownSigner: string | undefined;
}

/** Reads head and tail of packs: the index agrees with the pack's own signed table, and the keys open every slot. */
export async function checkTails(
  access: Access,
  packs: readonly CataloguePack[],
  options: CallOptions = {},
): Promise<TailProblem[]> {
  const { storage, verifying, keys } = access;
  const secrets = {
    meta: keys.metaSeed && keyPairFromSeed(keys.metaSeed).secret,
    data: keys.dataSeed && keyPairFromSeed(keys.dataSeed).secret,
  };
  const problems: TailProblem[] = [];
  await eachPool(
    packs,
    storage.capabilities.concurrency,
    async (pack, call) => {
      try {
        const { record, tableOffset, table } = await readPackTail(
          storage,
          pack.name,
          pack.size,
          verifying,
          call,
        );
        const layout = await readPackLayout(storage, pack.name, record, call);
        if (layout.end !== tableOffset) {
          throw new MalformedError('Segments and table do not fit together');
        }
        const secret = secrets[table.kind];
        if (secret !== undefined) {
          for (const slot of layout.slots) openSlot(secret, slot, table.kind, keys.repositoryId);
        }
        if (pack.indexed && !equalBytes(record, pack.table)) {
          problems.push({
            pack,
            message: `The index says something else of "${packName(pack.name)}" than the pack itself`,
            isIndexWrong: true,
            ownTable: toHex(tableHash(record)),
            unknownSigner: undefined,
          });
        }
      } catch (error) {
        if (hasCode(error, 'storage/not-found')) return;
        const isDamage = error instanceof MalformedError || hasCode(error, 'repository/damaged');
        if (!isDamage && !(await isUnreadableObject(storage, error, call))) throw error;
        const text = messageOf(error);
        const object = packName(pack.name);
        const message = text.includes(object) ? text : `"${object}" is damaged: ${text}`;
        problems.push({
          pack,
          message,
          isIndexWrong: false,
          ownTable: undefined,
          unknownSigner: unknownSignerOf(error),
        });
      }
    },
    options,
  );
  return problems;
}
