import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { CheckScene, context, type Damage, damages } from '#test/support/check-scene.ts';
import { flipStoredBit } from '#test/support/damaging-storage.ts';
import { kept, machine } from '#test/support/small-repository.ts';

import { ownerSigner } from '../repository/native/keys/key-ring.ts';
import { encodeHostCertificate } from '../repository/native/objects/host-certificate.ts';
import { hostName } from '../repository/native/objects/object-name.ts';
import { openRepository } from '../repository/native/native-repository.ts';
import { listSnapshots } from '../repository/native/reader/snapshot-list.ts';
import { check, damageOf, planRepair, repair } from './check.ts';

describe('a certificate that is lost', () => {
  for (const [how, damage] of Object.entries(damages)) {
    for (const withCopies of [true, false]) {
      test(`is written again: ${how}, ${withCopies ? 'with' : 'without'} a copy on this machine`, async () => {
        await using scene = await CheckScene.make();
        const [certificate] = await scene.loseCertificates(damage);
        const places = withCopies ? scene.usual : scene.bare;
        const { result, steps, errors } = await scene.check(places);
        assert.ok(
          errors.length > 0 && errors.every((message) => /certificate|hosts\//u.test(message)),
        );
        assert.equal(steps[0], 'write-certificates');
        assert.deepEqual(result.damagedPacks, []);
        assert.deepEqual(result.evidence.damagedIndex, []);
        const packs = await scene.names('packs/');
        const index = await scene.names('index/');
        await scene.repair(places);
        assert.deepEqual((await scene.check()).errors, []);
        assert.deepEqual(await scene.names('packs/'), packs);
        assert.deepEqual(await scene.names('index/'), index);
        await scene.backUp();
        const { result: after, errors: left } = await scene.check();
        assert.deepEqual(left, []);
        assert.equal(after.snapshots, 2);
        const id = certificate.slice('hosts/'.length, -2);
        assert.ok((await scene.names('hosts/')).every((name) => name.includes(id)));
      });
    }
    for (const twin of [0, 1]) {
      test(`is there a second time: ${how}, ${['the first', 'the second'][twin]}`, async () => {
        await using scene = await CheckScene.make();
        const pair = await scene.names('hosts/');
        await damage(scene.storage, pair[twin]!);
        // A machine that knew nothing of it: the host may be gone, and its copies with it.
        await using repository = await scene.open(scene.bare);
        const { snapshots, findings } = await listSnapshots(repository.access);
        assert.deepEqual(findings, []);
        assert.equal(snapshots.length, 1);
        const { errors, result } = await scene.check();
        assert.deepEqual(errors, []);
        assert.equal(result.findings.length, how === 'gone' ? 0 : 1);
        await scene.repair(scene.bare);
        await scene.backUp(machine(scene.directory, 'other'));
        assert.deepEqual((await scene.check()).result.findings, []);
        const again = await scene.names('hosts/');
        assert.ok(pair.every((name) => again.includes(name)));
      });
    }
  }

  test('is named as the reason why snapshots cannot be read', async () => {
    await using scene = await CheckScene.make();
    const [certificate] = await scene.loseCertificates(damages['empty']!);
    await using repository = await scene.open(scene.bare);
    const { snapshots, findings } = await listSnapshots(repository.access);
    assert.equal(snapshots.length, 0);
    assert.equal(findings.length, 1);
    assert.match(
      findings[0]!.message,
      /^1 snapshots of host .* cannot be verified, because "hosts\//u,
    );
    assert.match(findings[0]!.message, new RegExp(`"${certificate}"`, 'u'));
    assert.match(damageOf((await scene.check()).result)!.message, /1 snapshot cannot be read$/u);
  });

  test('does not give back what a newer one took that is lost as well', async () => {
    await using scene = await CheckScene.make();
    const other = machine(scene.directory, 'other');
    await scene.backUp(other);
    await using repository = await openRepository(
      kept(scene.storage),
      { kind: 'none' },
      scene.usual,
    );
    const { access, hosts } = repository;
    const first = hosts.certificates().find(({ id }) => id !== access.hostId)!;
    const signing = { ...access.signing, signer: ownerSigner(access.keys) };
    // The second of its pair, which is the one that is read of both, and so the one that is kept.
    const revoked = { ...first, number: 4, state: 'revoked', revokedAfter: 1 } as const;
    const { name, bytes } = encodeHostCertificate(revoked, signing);
    await access.storage.put(name, bytes);
    const all = [1, 2].map((number) => hostName(first.id, number));
    for (const older of all) await access.storage.read(older);
    for (const lost of [name, ...all]) await scene.storage.delete(lost);
    assert.deepEqual(await scene.repair(scene.usual), ['write-certificates']);
    assert.deepEqual(await scene.storage.read(name), bytes);
  });

  test('is written again by the next backup, also where a copy made up for it', async () => {
    await using scene = await CheckScene.make();
    await scene.loseCertificates(damages['empty']!);
    await scene.backUp();
    const { errors, steps } = await scene.check();
    assert.deepEqual(errors, []);
    assert.deepEqual(steps, ['remove-damaged']);
    await scene.repair();
    assert.deepEqual((await scene.check()).result.findings, []);
  });
});

describe('a snapshot of which an object is lost', () => {
  for (const prefix of ['snapshots/', 'seals/']) {
    for (const [how, damage] of Object.entries(damages)) {
      if (prefix === 'seals/' && how === 'gone') continue;
      test(`comes back from the copy of this machine: ${prefix} ${how}`, async () => {
        await using scene = await CheckScene.make();
        await damage(scene.storage, await scene.only(prefix));
        assert.ok((await scene.check(scene.usual)).errors.length > 0);
        assert.deepEqual(await scene.repair(scene.usual), ['write-copies']);
        const { result } = await scene.check();
        assert.deepEqual(result.findings, []);
        assert.equal(result.snapshots, 1);
      });
    }
  }

  test('is not told to have lost nothing', async () => {
    await using scene = await CheckScene.make();
    const final = await scene.only('snapshots/');
    const bytes = await scene.storage.read(final);
    await scene.storage.delete(final);
    const gone = (await scene.check()).result;
    assert.match(damageOf(gone)!.message, /1 snapshot is gone$/u);
    await scene.storage.put(final, bytes.subarray(5));
    const unreadable = (await scene.check()).result;
    assert.match(damageOf(unreadable)!.message, /1 snapshot cannot be read$/u);
  });

  test('keeps its damaged seal, which says that there is something to be looked at', async () => {
    for (const how of ['empty', 'flipped']) {
      await using scene = await CheckScene.make();
      await damages[how]!(scene.storage, await scene.only('seals/'));
      const { errors, steps } = await scene.check();
      assert.match(errors.join(), /can still be restored by its id/u);
      assert.deepEqual(steps, []);
      // Not even where the snapshot cannot be read either.
      await damages['flipped']!(scene.storage, await scene.only('snapshots/'));
      assert.deepEqual((await scene.check()).steps, []);
    }
  });

  test('of which nothing is left can be forgotten, and then noted', async () => {
    await using scene = await CheckScene.make();
    const final = await scene.only('snapshots/');
    for (const name of [final, await scene.only('seals/')]) {
      await damages['empty']!(scene.storage, name);
    }
    await scene.write('second');
    await scene.backUp(scene.bare);
    const { steps, errors } = await scene.check();
    assert.deepEqual(steps, []);
    assert.match(errors.join(), /"holdfast forget [0-9a-f]{32} --force" gives it up/u);
    await scene.forget(final.slice(-32), scene.bare);
    assert.deepEqual(await scene.repair(), ['note-missing']);
    assert.deepEqual((await scene.check()).result.findings, []);
  });

  test('can be given up, so that the next check is clean', async () => {
    await using scene = await CheckScene.make();
    await scene.storage.delete(await scene.only('snapshots/'));
    await scene.write('second');
    await scene.backUp();
    assert.deepEqual(await scene.repair(), ['note-missing']);
    assert.deepEqual((await scene.check()).result.findings, []);
    await scene.backUp();
    assert.deepEqual((await scene.check()).result.findings, []);
  });
});

for (const withCopies of [true, false]) {
  test(`a damaged record of what was forgotten is mended ${withCopies ? 'from the copy' : 'as far as it can be'}`, async () => {
    await using scene = await CheckScene.make();
    const second = await scene.backUp();
    await scene.backUp();
    await scene.forget(second);
    await damages['flipped']!(scene.storage, await scene.only('forgets/'));
    const places = withCopies ? scene.usual : scene.bare;
    const { errors } = await scene.check(places);
    assert.ok(errors.length > 0);
    const steps = await scene.repair(places);
    assert.deepEqual(steps, withCopies ? ['write-copies'] : ['note-missing', 'remove-damaged']);
    assert.deepEqual((await scene.check()).result.findings, []);
  });
}

test('what a check has found by reading is looked at again by a repair that reads nothing else', async () => {
  await using scene = await CheckScene.make();
  const pack = await scene.largestPack();
  await flipStoredBit(scene.storage, pack, { byte: 5000 });
  assert.deepEqual((await scene.check()).errors, []);
  const { result } = await scene.check(scene.usual, { readData: 'all' });
  await using repository = await scene.open(scene.usual);
  await repository.suspects.note(result.damagedPacks);
  const suspects = await repository.suspects.recall();
  assert.deepEqual([...suspects], [pack.slice(-64)]);
  assert.deepEqual(await scene.repair(scene.usual, { suspects }), ['condemn-packs']);
  await repository.suspects.note([]);
  assert.equal((await repository.suspects.recall()).size, 0);
});

describe('a repair leaves alone what is sound after all', () => {
  const flipped = damages['flipped']!;
  const gone = damages['gone']!;
  const cases: Readonly<Record<string, (scene: CheckScene) => Promise<unknown>>> = {
    settings: async (scene) => flipped(scene.storage, await scene.only('settings/')),
    'the only settings that count': async (scene) =>
      scene.storage.delete(await scene.only('settings/')),
    'a record of what was forgotten': async (scene) =>
      flipped(scene.storage, await scene.only('forgets/')),
    'a seal and its snapshot': async (scene) => {
      const [final] = await scene.names('snapshots/');
      await gone(scene.storage, final!);
      await flipped(scene.storage, final!.replace('snapshots/', 'seals/'));
    },
    'a snapshot': async (scene) => gone(scene.storage, (await scene.names('snapshots/'))[0]!),
    'an index object': async (scene) => flipped(scene.storage, (await scene.names('index/'))[0]!),
    'a pack': async (scene) =>
      flipStoredBit(scene.storage, await scene.largestPack(), { byte: 5000 }),
    'the end of a pack': async (scene) =>
      flipStoredBit(scene.storage, await scene.largestPack(), { byte: -1 }),
    'a pack that was not listed': async (scene) => gone(scene.storage, await scene.largestPack()),
  };
  for (const [what, damage] of Object.entries(cases)) {
    test(what, async () => {
      await using scene = await CheckScene.make();
      await scene.write('second');
      const second = await scene.backUp();
      await scene.write('third');
      await scene.backUp();
      await scene.forget(second);
      const sound = new Map<string, Uint8Array>();
      for (const name of await scene.names('')) sound.set(name, await scene.storage.read(name));
      await damage(scene);
      await using repository = await scene.open(scene.bare);
      const plan = planRepair(await check(repository.access, { readData: 'all' }, context));
      assert.ok(plan.steps.length > 0);
      for (const [name, bytes] of sound) await scene.storage.put(name, bytes);
      const { details } = await repair(await repository.beginWriting(), plan, context);
      const done = Object.keys(details ?? {});
      assert.deepEqual(done, what === 'an index object' ? ['index-packs'] : []);
      const added = new Set(await scene.names(''));
      for (const [name, bytes] of sound) {
        assert.deepEqual(await scene.storage.read(name), bytes, name);
        added.delete(name);
      }
      assert.ok(
        [...added].every((name) => name.startsWith('index/')),
        [...added].join(),
      );
      assert.deepEqual((await scene.check(scene.bare, { readData: 'all' })).result.findings, []);
    });
  }
});

test('a repair brings nothing back that was forgotten after the check', async () => {
  await using scene = await CheckScene.make();
  const id = await scene.backUp();
  await damages['flipped']!(scene.storage, `snapshots/${id}`);
  await using repository = await scene.open(scene.usual);
  const plan = planRepair(await check(repository.access, {}, context));
  assert.deepEqual(
    plan.steps.map(({ kind }) => kind),
    ['write-copies'],
  );
  await scene.forget(id, machine(scene.directory, 'other'));
  await repair(await repository.beginWriting(), plan, context);
  assert.ok(!(await scene.names('')).some((name) => name.includes(id)));
});

describe('a pack that is damaged, after a repair and a backup', () => {
  const ways: Readonly<Record<string, Damage>> = {
    'flipped in the middle': (storage, name) => flipStoredBit(storage, name, { byte: 5000 }),
    'flipped in its head': (storage, name) => flipStoredBit(storage, name, { byte: 100 }),
    empty: damages['empty']!,
    truncated: async (storage, name) =>
      storage.put(name, (await storage.read(name)).subarray(0, 20_000)),
    'all zeros': async (storage, name) =>
      storage.put(name, new Uint8Array((await storage.read(name)).length)),
  };
  for (const [how, damage] of Object.entries(ways)) {
    test(`is no damage any more, and is pruned: ${how}`, async () => {
      await using scene = await CheckScene.make();
      const pack = await scene.largestPack();
      await damage(scene.storage, pack);
      const input = { readData: 'all' } as const;
      const found = (await scene.check(scene.bare, input)).result;
      assert.equal(found.affected.length, 1);
      assert.deepEqual(await scene.repair(scene.bare, input), ['condemn-packs']);
      assert.deepEqual((await scene.check(scene.bare, input)).steps, [], 'once is enough');
      const { errors } = await scene.check();
      assert.ok(
        errors.some((message) => message.includes(pack)),
        'what is still lost is told by every check',
      );
      await scene.prune();
      assert.ok((await scene.names('packs/')).includes(pack), 'something is still lost with it');
      await scene.backUp();
      const healed = (await scene.check(scene.bare, input)).result;
      assert.equal(damageOf(healed), undefined);
      assert.match(healed.findings[0]!.message, /no snapshot needs it any more/u);
      await scene.prune();
      assert.ok(!(await scene.names('packs/')).includes(pack));
      const { findings, snapshots } = (await scene.check(scene.bare, input)).result;
      assert.deepEqual(findings, []);
      assert.equal(snapshots, 2);
    });
  }
});
