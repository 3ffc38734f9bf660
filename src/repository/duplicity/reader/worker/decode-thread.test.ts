import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { concatBytes } from '../../../../base/bytes.ts';
import { hasCode } from '../../../../base/errors.ts';
import { Secret } from '../../../../base/secret.ts';
import { FileCoding } from '../../encryption/file-coding.ts';
import { type TemporaryArea, TemporaryStore } from '../temporary-store.ts';
import { DecodeThread } from './decode-thread.ts';

const plain = concatBytes(randomBytes(3_000_000), new Uint8Array(20_000_000), randomBytes(777));

function areaOf(store: TemporaryStore, stored: Uint8Array): TemporaryArea {
  const area = store.area();
  area.append(stored);
  return area;
}

async function all(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(pieces));
}

test('several volumes at once come out whole, though all are more than may be under way', async () => {
  using store = new TemporaryStore(tmpdir());
  await using thread = new DecodeThread();
  const place = areaOf(store, gzipSync(plain)).place;
  const other = areaOf(store, gzipSync(plain.subarray(1))).place;
  const task = { coding: 'gzip', passphrase: undefined, ahead: 2 } as const;
  const [first, second] = await Promise.all([
    all(thread.decode({ place, ...task }, {})),
    all(thread.decode({ place: other, ...task }, {})),
  ]);
  assert.ok(first.equals(plain));
  assert.ok(second.equals(plain.subarray(1)));
});

test('one that is left early does not keep the others from coming', async () => {
  using store = new TemporaryStore(tmpdir());
  await using thread = new DecodeThread();
  const task = {
    place: areaOf(store, gzipSync(plain)).place,
    coding: 'gzip',
    passphrase: undefined,
    ahead: 2,
  } as const;
  for await (const piece of thread.decode(task, {})) {
    assert.ok(piece.length > 0);
    break;
  }
  assert.ok((await all(thread.decode(task, {}))).equals(plain));
});

test('a piece that is taken back is empty afterwards, and its memory used again', async () => {
  using store = new TemporaryStore(tmpdir());
  await using thread = new DecodeThread();
  const place = areaOf(store, gzipSync(plain)).place;
  const task = { place, coding: 'gzip', passphrase: undefined, ahead: 2 } as const;
  const copies: Uint8Array[] = [];
  let last: Uint8Array | undefined;
  for await (const piece of thread.decode(task, { takesBack: true })) {
    assert.ok(last === undefined || last.length === 0);
    copies.push(piece.slice());
    last = piece;
  }
  assert.ok(Buffer.concat(copies).equals(plain));
});

test('damage comes as what it is, after what is before it', async () => {
  using store = new TemporaryStore(tmpdir());
  await using thread = new DecodeThread();
  const stored = gzipSync(plain);
  const place = areaOf(store, stored.subarray(0, -100)).place;
  let length = 0;
  await assert.rejects(
    async () => {
      const task = { place, coding: 'gzip', passphrase: undefined, ahead: 2 } as const;
      for await (const piece of thread.decode(task, {})) length += piece.length;
    },
    (error) => hasCode(error, 'repository/damaged'),
  );
  assert.ok(length > 3_000_000);
});

test('a passphrase opens a message; another one does not, and says so', async () => {
  using store = new TemporaryStore(tmpdir());
  await using thread = new DecodeThread();
  const gpg = { program: 'gpg', options: [], useAgent: false, environment: {} };
  const passphrase = new Secret('correct');
  const coding = new FileCoding({ kind: 'symmetric', passphrase, gpg });
  const stored: Uint8Array[] = [];
  const encoder = await coding.encoder('openpgp', (bytes) => void stored.push(bytes));
  await encoder.write(plain);
  await encoder.finish();
  const place = areaOf(store, concatBytes(...stored)).place;
  const task = { place, coding: 'openpgp', passphrase: coding.passphrase, ahead: 6 } as const;
  assert.ok((await all(thread.decode(task, {}))).equals(plain));
  await assert.rejects(
    all(thread.decode({ ...task, passphrase: Buffer.from('wrong') }, {})),
    (error) => hasCode(error, 'repository/wrong-passphrase') && error.hint !== undefined,
  );
});

test('an abort ends the waiting', async () => {
  using store = new TemporaryStore(tmpdir());
  await using thread = new DecodeThread();
  const place = areaOf(store, gzipSync(plain)).place;
  const abort = new AbortController();
  const pieces = thread.decode(
    { place, coding: 'gzip', passphrase: undefined, ahead: 2 },
    { signal: abort.signal },
  );
  const reading = all(pieces);
  abort.abort(new Error('enough'));
  await assert.rejects(reading, /enough/u);
});
