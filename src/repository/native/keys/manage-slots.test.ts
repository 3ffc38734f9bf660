import assert from 'node:assert/strict';
import { test } from 'node:test';

import { steered } from '#test/support/faulty-storage.ts';
import { systemClock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { Secret } from '../../../base/secret.ts';
import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import type { Credentials } from './credentials.ts';
import { initialise } from './initialise.ts';
import { changePassphrase, removeKeySlot } from './manage-slots.ts';
import { unlock } from './unlock.ts';

const cost = { memory: 19_456, passes: 1, lanes: 1 };
const options = { random: systemRandom, clock: systemClock, cost };
const opening = (text: string): Credentials & { readonly kind: 'passphrase' } => ({
  kind: 'passphrase',
  passphrase: new Secret(text),
});

test('if the old passphrase cannot be removed, it is said that both may open', async () => {
  const storage = new MemoryStorage();
  const unlocked = await initialise(storage, { ...opening('old'), cost }, options);
  const old = unlocked.slotId ?? '';
  const stubborn = steered(storage, (method) =>
    method === 'delete' ? new AppError('storage/access-denied', 'It stays') : undefined,
  );
  await assert.rejects(
    changePassphrase(stubborn, unlocked, new Secret('new'), options),
    (error) => {
      assert.ok(hasCode(error, 'storage/access-denied'));
      assert.match(
        error.message,
        /the new passphrase, and perhaps still with the old one: It stays$/u,
      );
      assert.ok(error.hint?.endsWith(`holdfast key remove ${old}`), error.hint);
      return true;
    },
  );
  await unlock(storage, opening('old'));
  const { slotId } = await unlock(storage, opening('new'));
  await removeKeySlot(storage, old, slotId);
  await assert.rejects(unlock(storage, opening('old')), { code: 'repository/wrong-passphrase' });
});
