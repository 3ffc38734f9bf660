import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { utf8 } from '../../../base/bytes.ts';
import { systemClock } from '../../../base/clock.ts';
import { AppError, exitStatusOf, type ErrorCode } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { Secret } from '../../../base/secret.ts';
import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import type { Storage } from '../../../storage/storage.ts';
import type { Credentials } from './credentials.ts';
import { describeRepository, encodeDescription } from './description.ts';
import { initialise, putDescription, type FirstProtection } from './initialise.ts';
import { deriveKeyRing, haveSamePublicKeys, restrictKeyRing } from './key-ring.ts';
import { addKeySlot, changePassphrase, listKeySlots, removeKeySlot } from './manage-slots.ts';
import { encodeOpenSlot } from './open-slot.ts';
import { sealPassphraseSlot } from './passphrase-slot.ts';
import type { PassphraseCost } from './stretching.ts';
import { parseRecoverySheet, recoveryCode } from './recovery-sheet.ts';
import { payloadOf } from './slot-payload.ts';
import { unlock, type RememberedSlot, type SlotMemory } from './unlock.ts';

const cost: PassphraseCost = { memory: 19_456, passes: 1, lanes: 1 };
const options = { random: systemRandom, clock: systemClock, label: 'first' };
const passphrase = (text: string): FirstProtection => ({
  kind: 'passphrase',
  passphrase: new Secret(text),
  cost,
});
const opening = (text: string): Credentials => ({
  kind: 'passphrase',
  passphrase: new Secret(text),
});

async function rejects(
  promise: Promise<unknown>,
  code: ErrorCode,
  pattern = /./u,
): Promise<AppError> {
  let failure: unknown;
  await assert.rejects(promise, (error) => {
    failure = error;
    return true;
  });
  assert.ok(failure instanceof AppError, String(failure));
  assert.equal(failure.code, code, failure.message);
  assert.match(failure.message, pattern);
  return failure;
}

async function namesIn(storage: Storage): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of storage.list('')) names.push(name);
  return names.sort();
}

/** Runs `action` after the given number of objects were put, as if another machine had been at work then. */
class Interposed extends MemoryStorage {
  readonly #after: number;
  readonly #action: (storage: MemoryStorage) => Promise<void>;
  #puts = 0;

  constructor(after: number, action: (storage: MemoryStorage) => Promise<void>) {
    super();
    this.#after = after;
    this.#action = action;
  }

  override async put(...call: Parameters<MemoryStorage['put']>): Promise<void> {
    await super.put(...call);
    this.#puts += 1;
    if (this.#puts === this.#after) await this.#action(this);
  }
}

/** Fails at the given call as a full or broken disk does. */
class Failing extends MemoryStorage {
  readonly #at: number;
  #calls = 0;

  constructor(at: number) {
    super();
    this.#at = at;
  }

  get hasFailed(): boolean {
    return this.#calls >= this.#at;
  }

  #call(): void {
    this.#calls += 1;
    if (this.#calls === this.#at) throw new AppError('storage/out-of-space', 'No space left');
  }

  override async put(...call: Parameters<MemoryStorage['put']>): Promise<void> {
    this.#call();
    await super.put(...call);
  }

  override async read(...call: Parameters<MemoryStorage['read']>): Promise<Uint8Array> {
    this.#call();
    return await super.read(...call);
  }

  override async delete(...call: Parameters<MemoryStorage['delete']>): Promise<void> {
    this.#call();
    await super.delete(...call);
  }

  override async *list(
    ...call: Parameters<MemoryStorage['list']>
  ): ReturnType<MemoryStorage['list']> {
    this.#call();
    yield* super.list(...call);
  }
}

class Death extends Error {}

async function die(): Promise<void> {
  throw new Death('killed');
}

describe('init', () => {
  test('makes a repository that its passphrase opens', async () => {
    const storage = new MemoryStorage();
    const made = await initialise(storage, passphrase('secret'), options);
    const names = await namesIn(storage);
    assert.equal(names.length, 3);
    assert.equal(names[0], 'holdfast');
    assert.match(names[2] ?? '', /^settings\/1-[0-9a-f]{32}$/u);
    const opened = await unlock(storage, opening('secret'));
    assert.deepEqual(opened.ring, made.ring);
    assert.equal(opened.slotId, made.slotId);
    assert.equal(opened.payload?.label, 'first');
    assert.deepEqual(opened.description, made.description);
  });

  test('leaves a place alone that is not empty, and says what is there', async () => {
    const storage = new MemoryStorage();
    for (const name of ['photo.jpg', 'b', 'c', 'd']) await storage.put(name, utf8('x'));
    const error = await rejects(
      initialise(storage, passphrase('secret'), options),
      'repository/occupied',
      /and 1 more$/u,
    );
    assert.equal(error.message.match(/"/gu)?.length, 8);
    assert.deepEqual(await namesIn(storage), ['b', 'c', 'd', 'photo.jpg']);
  });

  test('says so if there is a repository', async () => {
    const storage = new MemoryStorage();
    await initialise(storage, passphrase('secret'), options);
    const before = await namesIn(storage);
    await rejects(initialise(storage, passphrase('secret'), options), 'repository/exists');
    assert.deepEqual(await namesIn(storage), before);
  });

  test('refuses an empty passphrase before anything is written', async () => {
    const storage = new MemoryStorage();
    await rejects(initialise(storage, passphrase(''), options), 'input/invalid');
    assert.deepEqual(await namesIn(storage), []);
  });

  test('killed after the slot, it is completed with the same passphrase and keys', async () => {
    const storage = new Interposed(1, die);
    await assert.rejects(initialise(storage, passphrase('secret'), options), Death);
    const [slot] = await namesIn(storage);
    await rejects(unlock(storage, opening('secret')), 'repository/missing', /interrupted/u);
    await rejects(initialise(storage, passphrase('other'), options), 'repository/occupied');
    assert.deepEqual(await namesIn(storage), [slot]);
    const made = await initialise(storage, passphrase('secret'), options);
    assert.equal(`keys/${made.slotId ?? ''}`, slot);
    assert.deepEqual((await unlock(storage, opening('secret'))).ring, made.ring);
  });

  test('killed after "holdfast", the repository is whole', async () => {
    const storage = new Interposed(2, die);
    await assert.rejects(initialise(storage, passphrase('secret'), options), Death);
    await unlock(storage, opening('secret'));
  });

  test('a failure at any call is told, and the next init completes or finds a whole repository', async () => {
    let failures = 0;
    for (let at = 1; ; at++) {
      const storage = new Failing(at);
      const first = initialise(storage, passphrase('secret'), options);
      if (
        !(await first.then(
          () => false,
          () => true,
        ))
      ) {
        assert.equal(storage.hasFailed, false);
        break;
      }
      failures += 1;
      await rejects(first, 'storage/out-of-space');
      await initialise(storage, passphrase('secret'), options).catch((error: unknown) => {
        assert.ok(error instanceof AppError && error.code === 'repository/exists', String(error));
      });
      await unlock(storage, opening('secret'));
    }
    assert.equal(failures, 5);
  });

  test('a failure at any call of a change of passphrase leaves one that opens', async () => {
    let failures = 0;
    for (let at = 6; ; at++) {
      const storage = new Failing(at);
      const unlocked = await initialise(storage, passphrase('old'), options);
      const changing = changePassphrase(storage, unlocked, new Secret('new'), { ...options, cost });
      const failed = await changing.then(
        () => false,
        () => true,
      );
      if (!failed) break;
      failures += 1;
      const works = await Promise.allSettled([
        unlock(storage, opening('old')),
        unlock(storage, opening('new')),
      ]);
      assert.ok(
        works.some(({ status }) => status === 'fulfilled'),
        `call ${at}`,
      );
    }
    assert.ok(failures >= 6, String(failures));
  });

  test('two machines at once do not both win', async () => {
    const other = await sealPassphraseSlot(
      payloadOf(deriveKeyRing(systemRandom(32), systemRandom(16)), '', 0),
      new Secret('other'),
      systemRandom,
      cost,
    );
    const theirs = `keys/${'7'.repeat(32)}`;
    const storage = new Interposed(1, async (inner) => {
      await MemoryStorage.prototype.put.call(inner, theirs, other);
    });
    await rejects(initialise(storage, passphrase('secret'), options), 'repository/occupied');
    assert.deepEqual(await namesIn(storage), [theirs]);
  });

  test('truly at once, at most one wins, and what is left is consistent', async () => {
    for (let round = 0; round < 10; round++) {
      const storage = new MemoryStorage();
      const results = await Promise.allSettled([
        initialise(storage, passphrase('one'), options),
        initialise(storage, passphrase('two'), options),
      ]);
      const winners = results.filter(({ status }) => status === 'fulfilled');
      assert.ok(winners.length <= 1);
      if (winners.length === 0) assert.deepEqual(await namesIn(storage), []);
    }
  });

  test('another "holdfast" that appears at the last moment is not replaced', async () => {
    const stranger = deriveKeyRing(systemRandom(32), systemRandom(16));
    const storage = new MemoryStorage();
    await storage.put('holdfast', encodeDescription(describeRepository(stranger), stranger));
    const ring = deriveKeyRing(systemRandom(32), systemRandom(16));
    await rejects(putDescription(storage, ring), 'repository/exists');
    await putDescription(storage, stranger);
  });

  test('an open repository is opened without anything, and not by a passphrase', async () => {
    const storage = new MemoryStorage();
    const made = await initialise(storage, { kind: 'open' }, options);
    assert.deepEqual((await unlock(storage, { kind: 'none' })).ring, made.ring);
    await rejects(unlock(storage, opening('x')), 'repository/wrong-passphrase');
  });
});

describe('unlock', () => {
  test('no repository, wrong passphrase, no passphrase', async () => {
    const storage = new MemoryStorage();
    const none = await rejects(unlock(storage, opening('secret')), 'repository/missing');
    assert.equal(exitStatusOf(none), 10);
    await initialise(storage, passphrase('secret'), options);
    const wrong = await rejects(
      unlock(storage, opening('Secret')),
      'repository/wrong-passphrase',
      /passphrase opens none/u,
    );
    assert.equal(exitStatusOf(wrong), 12);
    await rejects(unlock(storage, { kind: 'none' }), 'repository/wrong-passphrase', /without/u);
  });

  test('the slot that worked last is tried first', async () => {
    const storage = new MemoryStorage();
    const { ring, slotId } = await initialise(storage, passphrase('secret'), options);
    for (let number = 0; number < 3; number++) {
      await addKeySlot(storage, ring, passphrase('other'), options);
    }
    let remembered: RememberedSlot | undefined;
    const memory: SlotMemory = {
      get: async () => remembered,
      set: async (repositoryId, id) => {
        assert.deepEqual(repositoryId, ring.repositoryId);
        remembered = id;
      },
    };
    await unlock(storage, opening('secret'), { memory });
    assert.equal(remembered?.id, slotId);
    // A slot that is not tried cannot be found damaged: break all the others.
    for (const name of await namesIn(storage)) {
      if (name.startsWith('keys/') && name !== `keys/${slotId ?? ''}`) {
        const bytes = await storage.read(name);
        bytes[13] = 0;
        bytes[14] = 0;
        await storage.put(name, bytes);
      }
    }
    assert.equal((await unlock(storage, opening('secret'), { memory })).slotId, slotId);
    await rejects(
      unlock(storage, opening('no'), { memory }),
      'repository/wrong-passphrase',
      /damaged/u,
    );
  });

  test('a slot that the storage slipped in opens nothing', async () => {
    const storage = new MemoryStorage();
    const { ring } = await initialise(storage, passphrase('secret'), options);
    const stranger = deriveKeyRing(systemRandom(32), ring.repositoryId);
    await storage.put(`keys/${'0'.repeat(32)}`, encodeOpenSlot(payloadOf(stranger, '', 0)));
    assert.deepEqual((await unlock(storage, opening('secret'))).ring, ring);
    await rejects(unlock(storage, { kind: 'none' }), 'repository/damaged', /do not belong/u);
  });

  test('a "holdfast" of other keys is not believed', async () => {
    const storage = new MemoryStorage();
    const { ring } = await initialise(storage, passphrase('secret'), options);
    const stranger = deriveKeyRing(systemRandom(32), ring.repositoryId);
    await storage.put('holdfast', encodeDescription(describeRepository(stranger), stranger));
    await rejects(unlock(storage, opening('secret')), 'repository/damaged');
    await rejects(unlock(storage, parseSheet(recoveryCode(ring))), 'repository/wrong-passphrase');
    // The owner's own signature over somebody else's recipients would be needed.
    const forged = { ...describeRepository(ring), metaPublic: stranger.metaPublic };
    await storage.put('holdfast', encodeDescription(forged, stranger));
    await rejects(unlock(storage, opening('secret')), 'repository/damaged');
  });

  test('more slots than there may be are not tried', async () => {
    const storage = new MemoryStorage();
    const { ring } = await initialise(storage, passphrase('secret'), options);
    for (let number = 0; number < 16; number++) {
      const name = `keys/${number.toString(16).padStart(32, '0')}`;
      await storage.put(name, encodeOpenSlot(payloadOf(ring, '', 0)));
    }
    await rejects(unlock(storage, opening('secret')), 'repository/damaged', /17 key slots/u);
  });

  test('the recovery sheet opens a repository without any slot, and writes "holdfast" again', async () => {
    const storage = new MemoryStorage();
    const { ring, slotId } = await initialise(storage, passphrase('secret'), options);
    const sheet = parseSheet(recoveryCode(ring));
    await storage.delete(`keys/${slotId ?? ''}`);
    await rejects(unlock(storage, opening('secret')), 'repository/damaged', /gone/u);
    assert.deepEqual((await unlock(storage, sheet)).ring, ring);
    const description = await storage.read('holdfast');
    await storage.delete('holdfast');
    await rejects(unlock(storage, sheet), 'repository/missing');
    await putDescription(storage, ring);
    assert.deepEqual(await storage.read('holdfast'), description);
    const other = deriveKeyRing(systemRandom(32), ring.repositoryId);
    await rejects(unlock(storage, parseSheet(recoveryCode(other))), 'repository/wrong-passphrase');
  });

  test('a foreign "holdfast" is named', async () => {
    const storage = new MemoryStorage();
    await storage.put('holdfast', utf8('#!/bin/sh\n'));
    await rejects(unlock(storage, opening('x')), 'repository/damaged', /does not describe/u);
    await storage.put('holdfast', new Uint8Array(1024 * 1024));
    await rejects(unlock(storage, opening('x')), 'repository/damaged', /large/u);
  });
});

describe('key slots', () => {
  test('roles open with their own passphrases and hold no more than they should', async () => {
    const storage = new MemoryStorage();
    const { ring } = await initialise(storage, passphrase('secret'), options);
    for (const role of ['reader', 'janitor', 'writer'] as const) {
      const restricted = restrictKeyRing(ring, role);
      await addKeySlot(storage, restricted, passphrase(role), { ...options, label: role });
      const opened = await unlock(storage, opening(role));
      assert.deepEqual(opened.ring, restricted);
      assert.equal(opened.ring.root, undefined);
      assert.ok(haveSamePublicKeys(opened.ring, ring));
    }
  });

  test('the list shows what the passphrase opens', async () => {
    const storage = new MemoryStorage();
    const { ring, slotId } = await initialise(storage, passphrase('secret'), options);
    const added = await addKeySlot(storage, ring, passphrase('other'), options);
    await storage.put(`keys/${'1'.repeat(32)}`, utf8('rubbish'));
    const { slots, damaged } = await listKeySlots(storage, opening('secret'));
    assert.equal(damaged.length, 1);
    assert.equal(slots.length, 2);
    assert.equal(slots.find(({ id }) => id === slotId)?.opened?.label, 'first');
    assert.equal(slots.find(({ id }) => id === added)?.opened, undefined);
  });

  test('a new passphrase replaces the old one only when it works', async () => {
    const storage = new MemoryStorage();
    const unlocked = await initialise(storage, passphrase('old'), options);
    const changing = { ...options, cost };
    const id = await changePassphrase(storage, unlocked, new Secret('new'), changing);
    assert.equal((await unlock(storage, opening('new'))).slotId, id);
    await rejects(unlock(storage, opening('old')), 'repository/wrong-passphrase');
    await rejects(
      changePassphrase(storage, await unlock(storage, opening('new')), new Secret(''), changing),
      'input/invalid',
    );
    await unlock(storage, opening('new'));
  });

  test('killed between the two, both passphrases work', async () => {
    const storage = new Interposed(4, die);
    const unlocked = await initialise(storage, passphrase('old'), options);
    await assert.rejects(
      changePassphrase(storage, unlocked, new Secret('new'), { ...options, cost }),
      Death,
    );
    await unlock(storage, opening('old'));
    await unlock(storage, opening('new'));
  });

  test('a slot that reads back differently is noticed, and the old one stays', async () => {
    const storage = new Interposed(4, async (inner) => {
      for (const name of await namesIn(inner)) {
        if (!name.startsWith('keys/') || name === `keys/${unlocked.slotId ?? ''}`) continue;
        await MemoryStorage.prototype.put.call(inner, name, new Uint8Array(512));
      }
    });
    const unlocked = await initialise(storage, passphrase('old'), options);
    await rejects(
      changePassphrase(storage, unlocked, new Secret('new'), { ...options, cost }),
      'repository/damaged',
    );
    await unlock(storage, opening('old'));
  });

  test('the last slot that opens is never removed', async () => {
    const storage = new MemoryStorage();
    const { ring, slotId = '' } = await initialise(storage, passphrase('secret'), options);
    await rejects(removeKeySlot(storage, slotId, slotId), 'input/invalid');
    await rejects(removeKeySlot(storage, slotId, undefined), 'input/invalid');
    await rejects(removeKeySlot(storage, slotId, '9'.repeat(32)), 'input/invalid');
    const other = await addKeySlot(storage, ring, passphrase('other'), options);
    await rejects(removeKeySlot(storage, '9'.repeat(32), slotId), 'input/invalid', /no key/u);
    await removeKeySlot(storage, slotId, other);
    await rejects(unlock(storage, opening('secret')), 'repository/wrong-passphrase');
    await unlock(storage, opening('other'));
    await storage.put(`keys/${'1'.repeat(32)}`, utf8('rubbish'));
    await removeKeySlot(storage, '1'.repeat(32), other);
    assert.ok(!(await namesIn(storage)).includes(`keys/${'1'.repeat(32)}`));
  });

  test('there are at most sixteen', async () => {
    const storage = new MemoryStorage();
    const { ring } = await initialise(storage, { kind: 'open' }, options);
    for (let number = 1; number < 16; number++) {
      await addKeySlot(storage, ring, { kind: 'open' }, options);
    }
    await rejects(addKeySlot(storage, ring, { kind: 'open' }, options), 'input/invalid');
    await unlock(storage, { kind: 'none' });
  });

  test('a slot for an age recipient opens with the identity', async () => {
    const age = await import('age-encryption');
    const identity = await age.generateX25519Identity();
    const recipient = await age.identityToRecipient(identity);
    const storage = new MemoryStorage();
    const { ring } = await initialise(storage, passphrase('secret'), options);
    await addKeySlot(storage, ring, { kind: 'public key', recipient }, options);
    const identityFile = new Secret(identity);
    assert.deepEqual((await unlock(storage, { kind: 'identity', identityFile })).ring, ring);
    const stranger = new Secret(await age.generateX25519Identity());
    await rejects(
      unlock(storage, { kind: 'identity', identityFile: stranger }),
      'repository/wrong-passphrase',
    );
  });
});

function parseSheet(text: string): Credentials {
  return { kind: 'recovery', ...parseRecoverySheet(text) };
}
