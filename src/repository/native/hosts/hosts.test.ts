import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';

import { toHex } from '../../../base/bytes.ts';
import { systemClock } from '../../../base/clock.ts';
import { AppError } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { isValidSignature, signerFromSeed } from '../../../codec/encryption/signature.ts';
import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import { deriveKeyRing, ownerSigner, restrictKeyRing } from '../keys/key-ring.ts';
import { encodeHostCertificate, type HostCertificate } from '../objects/host-certificate.ts';
import { hostName } from '../objects/object-name.ts';
import { ownerSignerId } from '../objects/signed-body.ts';
import { HostDirectory } from './host-directory.ts';
import { LocalState } from './local-state.ts';
import { registerHost } from './register-host.ts';

const ring = deriveKeyRing(systemRandom(32), systemRandom(16));
const options = { random: systemRandom, clock: systemClock, name: 'laptop' };
const signing = { keys: ring, signer: ownerSigner(ring), random: systemRandom };

let state: string;
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'holdfast-state-'));
});
afterEach(async () => {
  await rm(state, { recursive: true });
});

async function openState(): Promise<LocalState> {
  return await LocalState.open(state, ring.repositoryId, systemRandom);
}

function certificate(changes: Partial<HostCertificate> = {}): HostCertificate {
  return {
    id: toHex(systemRandom(16)),
    number: 1,
    publicKey: signerFromSeed(systemRandom(32)).publicKey,
    name: 'x',
    role: 'writer',
    state: 'active',
    revokedAfter: undefined,
    created: 1,
    ...changes,
  };
}

async function put(storage: MemoryStorage, host: HostCertificate): Promise<void> {
  const { name, bytes } = encodeHostCertificate(host, signing);
  await storage.put(name, bytes);
}

async function numbersOf(storage: MemoryStorage, id: string): Promise<number[]> {
  const found = await Array.fromAsync(storage.list(`hosts/${id}`), ({ name }) =>
    Number(name.slice(name.indexOf('.') + 1)),
  );
  return found.toSorted((left, right) => left - right);
}

describe('the directory', () => {
  test('knows the owner key, and of each host the newest certificate', async () => {
    const storage = new MemoryStorage();
    const one = certificate();
    await put(storage, one);
    await put(storage, { ...one, number: 10, state: 'revoked', revokedAfter: 4 });
    await put(storage, { ...one, number: 9, state: 'retired' });
    const directory = await HostDirectory.load(storage, ring);
    assert.deepEqual(directory.find(ownerSignerId)?.publicKey, ring.ownerPublic);
    assert.equal(directory.find(one.id)?.state, 'revoked');
    assert.equal(directory.find(one.id)?.revokedAfter, 4);
    assert.equal(directory.find(toHex(systemRandom(16))), undefined);
    assert.deepEqual(directory.problems, []);
  });

  test('an old certificate under a larger number undoes no revocation', async () => {
    const storage = new MemoryStorage();
    const one = certificate();
    await put(storage, one);
    await put(storage, { ...one, number: 2, state: 'revoked' });
    await storage.put(hostName(one.id, 3), await storage.read(hostName(one.id, 1)));
    const directory = await HostDirectory.load(storage, ring);
    assert.equal(directory.find(one.id)?.state, 'revoked');
    assert.equal(directory.problems.length, 1);
  });

  test('a host that certifies itself is not known', async () => {
    const storage = new MemoryStorage();
    const { sign, publicKey } = signerFromSeed(systemRandom(32));
    const host = certificate({ publicKey, role: 'owner' });
    for (const id of [host.id, ownerSignerId]) {
      const { name, bytes } = encodeHostCertificate(host, { ...signing, signer: { id, sign } });
      await storage.put(name, bytes);
      const directory = await HostDirectory.load(storage, ring);
      assert.equal(directory.find(host.id), undefined);
      assert.equal(directory.problems.length, 1);
    }
  });
});

describe('the local state', () => {
  test('keeps what it is told, readable by its user only', async () => {
    const local = await openState();
    const host = { id: toHex(systemRandom(16)), seed: systemRandom(32) };
    await local.keepHost(host);
    await local.noteSequences([
      [host.id, 5],
      ['f'.repeat(32), 2],
    ]);
    await local.noteSequences([[host.id, 3]]);
    const slot = {
      id: 'e'.repeat(32),
      stretching: { memory: 19_456, passes: 2, lanes: 3, salt: systemRandom(32) },
    };
    await local.noteSlot(slot);
    const again = await openState();
    assert.deepEqual(again.host, host);
    assert.equal(again.highestSequence(host.id), 5);
    assert.equal(again.highestSequence('f'.repeat(32)), 2);
    assert.equal(again.highestSequence('0'.repeat(32)), 0);
    assert.deepEqual(again.lastSlot, slot);
    const directory = join(state, toHex(ring.repositoryId));
    assert.deepEqual(await readdir(directory), ['identity.json']);
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    assert.equal((await stat(join(directory, 'identity.json'))).mode & 0o777, 0o600);
  });

  test('what cannot be the stretching of a passphrase is as good as forgotten', async () => {
    const local = await openState();
    const stretching = { memory: 19_456, passes: 1, lanes: 1, salt: systemRandom(32) };
    await local.noteSlot({ id: 'e'.repeat(32), stretching });
    const path = join(state, toHex(ring.repositoryId), 'identity.json');
    const text = await readFile(path, 'utf8');
    const wrongs = [
      ['"memory": 19456', '"memory": 4'],
      ['"memory": 19456', '"memory": 99999999'],
      ['"memory": 19456', '"memory": "x"'],
      ['"salt": "', '"salt": "AAAA'],
      ['"salt": "', '"salt": 1, "was": "'],
    ] as const;
    for (const [right, wrong] of wrongs) {
      assert.ok(text.includes(right));
      await writeFile(path, text.replace(right, wrong));
      assert.deepEqual((await openState()).lastSlot, {
        id: 'e'.repeat(32),
        stretching: undefined,
      });
    }
  });

  test('two processes keep one key and the higher numbers', async () => {
    const [one, two] = [await openState(), await openState()];
    const kept = await one.keepHost({ id: 'a'.repeat(32), seed: systemRandom(32) });
    assert.deepEqual(await two.keepHost({ id: 'b'.repeat(32), seed: systemRandom(32) }), kept);
    await one.noteSequences([['a'.repeat(32), 7]]);
    await two.noteSequences([['a'.repeat(32), 6]]);
    assert.equal(two.highestSequence('a'.repeat(32)), 7);
  });

  test('many changes at once all arrive', async () => {
    const local = await openState();
    const ids = Array.from({ length: 20 }, () => toHex(systemRandom(16)));
    await Promise.all(ids.map((id, index) => local.noteSequences([[id, index + 1]])));
    const again = await openState();
    assert.deepEqual(
      ids.map((id) => again.highestSequence(id)),
      ids.map((_, index) => index + 1),
    );
  });

  test('a torn file is put aside, not overwritten', async () => {
    await (await openState()).keepHost({ id: 'a'.repeat(32), seed: systemRandom(32) });
    const path = join(state, toHex(ring.repositoryId), 'identity.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.slice(0, 20));
    assert.equal((await openState()).host, undefined);
    assert.equal(await readFile(`${path}.damaged`, 'utf8'), text.slice(0, 20));
  });

  test('a place that cannot be written is said to be so', async () => {
    const path = join(state, 'file');
    await writeFile(path, '');
    const local = LocalState.open(path, ring.repositoryId, systemRandom);
    await assert.rejects(
      local.then((opened) => opened.noteSlot({ id: 'e'.repeat(32), stretching: undefined })),
      (error) => error instanceof AppError && error.code === 'local/unwritable',
    );
  });
});

describe('registering', () => {
  test('a machine registers once, and is the same afterwards', async () => {
    const storage = new MemoryStorage();
    const first = await registerHost(
      storage,
      ring,
      await HostDirectory.load(storage, ring),
      await openState(),
      options,
    );
    const directory = await HostDirectory.load(storage, ring);
    const again = await registerHost(storage, ring, directory, await openState(), options);
    assert.equal(again.id, first.id);
    assert.equal(directory.certificates().length, 1);
    const host = directory.certificate(first.id);
    assert.equal(host?.name, 'laptop');
    assert.equal(host.role, 'owner');
    const message = systemRandom(10);
    assert.ok(isValidSignature(host.publicKey, message, again.sign(message)));
  });

  test('its certificate is there twice, and each of both is enough', async () => {
    const storage = new MemoryStorage();
    const directory = await HostDirectory.load(storage, ring);
    const { id } = await registerHost(storage, ring, directory, await openState(), options);
    for (const lost of [1, 2]) {
      assert.deepEqual(await numbersOf(storage, id), [1, 2]);
      await storage.delete(hostName(id, lost));
      const left = await HostDirectory.load(storage, ring);
      assert.deepEqual(left.find(id), directory.find(id));
      // Whoever registers next as an owner writes the other one again: the host itself may be gone.
      const other = await LocalState.open(join(state, 'other'), ring.repositoryId, systemRandom);
      await registerHost(storage, ring, left, other, options);
    }
    assert.deepEqual(await numbersOf(storage, id), [1, 2]);
  });

  test('what takes the place of a revoked pair is no second copy of the one before', async () => {
    const storage = new MemoryStorage();
    const one = certificate();
    await put(storage, one);
    await put(storage, { ...one, number: 3, state: 'revoked', revokedAfter: 4 });
    const directory = await HostDirectory.load(storage, ring);
    await registerHost(storage, ring, directory, await openState(), options);
    assert.deepEqual(await numbersOf(storage, one.id), [1, 3, 4]);
    await storage.delete(hostName(one.id, 3));
    assert.equal((await HostDirectory.load(storage, ring)).find(one.id)?.state, 'revoked');
  });

  test('who cannot sign certificates leaves a single one as it is', async () => {
    const storage = new MemoryStorage();
    const local = await openState();
    const { id, seed } = await local.keepHost({ id: 'a'.repeat(32), seed: systemRandom(32) });
    await put(storage, certificate({ id, publicKey: signerFromSeed(seed).publicKey }));
    const directory = await HostDirectory.load(storage, ring);
    await registerHost(storage, restrictKeyRing(ring, 'writer'), directory, local, options);
    assert.deepEqual(await numbersOf(storage, id), [1]);
  });

  test('killed between key and certificate, the key is published later', async () => {
    const storage = new MemoryStorage({ capacity: 0 });
    const directory = await HostDirectory.load(storage, ring);
    await assert.rejects(registerHost(storage, ring, directory, await openState(), options));
    const kept = (await openState()).host;
    const roomy = new MemoryStorage();
    const signer = await registerHost(roomy, ring, directory, await openState(), options);
    assert.equal(signer.id, kept?.id);
  });

  test('without its state it becomes another host', async () => {
    const storage = new MemoryStorage();
    const directory = await HostDirectory.load(storage, ring);
    const first = await registerHost(storage, ring, directory, await openState(), options);
    await rm(join(state, toHex(ring.repositoryId)), { recursive: true });
    const second = await registerHost(storage, ring, directory, await openState(), options);
    assert.notEqual(second.id, first.id);
    assert.equal((await HostDirectory.load(storage, ring)).certificates().length, 2);
  });

  test('two processes at once become one host', async () => {
    const storage = new MemoryStorage();
    const [one, two] = [await openState(), await openState()];
    const empty = await HostDirectory.load(storage, ring);
    const also = await HostDirectory.load(storage, ring);
    const first = await registerHost(storage, ring, empty, one, options);
    const second = await registerHost(storage, ring, also, two, options);
    assert.equal(second.id, first.id);
    assert.deepEqual(also.certificate(first.id), empty.certificate(first.id));
  });

  test('a certificate that is damaged is left, and another made under the next number; one of another key means another id', async () => {
    const storage = new MemoryStorage();
    const local = await openState();
    const host = await local.keepHost({ id: 'a'.repeat(32), seed: systemRandom(32) });
    await storage.put(hostName(host.id, 1), systemRandom(300));
    const directory = await HostDirectory.load(storage, ring);
    const signer = await registerHost(storage, ring, directory, local, options);
    assert.equal(signer.id, host.id);
    assert.equal(directory.certificate(host.id)?.number, 4);
    const again = await HostDirectory.load(storage, ring);
    assert.deepEqual(again.certificate(host.id), directory.certificate(host.id));
    const other = await openState();
    await other.dropHost(signer.id);
    const stolen = await other.keepHost({ id: signer.id, seed: systemRandom(32) });
    const next = await registerHost(storage, ring, directory, other, options);
    assert.notEqual(next.id, stolen.id);
  });

  test('a revoked machine is refused, a retired one comes back', async () => {
    const storage = new MemoryStorage();
    const local = await openState();
    const directory = await HostDirectory.load(storage, ring);
    const { id } = await registerHost(storage, ring, directory, local, options);
    const own = directory.certificate(id);
    assert.ok(own !== undefined);
    await put(storage, { ...own, number: 2, state: 'retired' });
    const retired = await HostDirectory.load(storage, ring);
    assert.equal((await registerHost(storage, ring, retired, local, options)).id, id);
    assert.equal((await HostDirectory.load(storage, ring)).find(id)?.state, 'active');
    await put(storage, { ...own, number: 9, state: 'revoked', revokedAfter: 0 });
    const revoked = await HostDirectory.load(storage, ring);
    await assert.rejects(
      registerHost(storage, ring, revoked, local, options),
      (error) => error instanceof AppError && error.code === 'repository/not-permitted',
    );
  });

  test('a machine without an owner cannot register itself, but works once it is', async () => {
    const storage = new MemoryStorage();
    const writer = restrictKeyRing(ring, 'writer');
    const local = await openState();
    const directory = await HostDirectory.load(storage, ring);
    await assert.rejects(
      registerHost(storage, writer, directory, local, options),
      (error) => error instanceof AppError && error.code === 'repository/not-permitted',
    );
    assert.ok(local.host !== undefined);
    const { publicKey } = signerFromSeed(local.host.seed);
    await put(storage, certificate({ id: local.host.id, publicKey }));
    const registered = await HostDirectory.load(storage, ring);
    const signer = await registerHost(storage, writer, registered, local, options);
    assert.equal(signer.id, local.host.id);
  });
});
