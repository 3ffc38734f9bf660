import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { systemClock } from '../../src/base/clock.ts';
import { AppError, hasCode, messageOf } from '../../src/base/errors.ts';
import { collectAll } from '../../src/storage/byte-stream.ts';
import { environmentOptions, openStorage } from '../../src/storage/open-storage.ts';
import { storageDriver } from '../../src/storage/registry.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { parseDestinationUrl } from '../../src/storage/url.ts';
import { freePort, type TestServer } from '../servers/server.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { byName, namesIn, pattern, rejectsWith, sourceOf } from '../support/storage-samples.ts';
import { type ProxyFaults, type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts';
import { thorough } from '../support/thorough.ts';
import { backedUpAndRestored } from './network-contract-journey.ts';
import { listSizes, storageContract } from './storage-contract.ts';

/** What a driver is tried against. */
export interface NetworkSubject {
  /** For the names of the tests: `SFTP by OpenSSH`. */
  readonly title: string;
  /** Starts one server for all tests of this subject. */
  start(): Promise<TestServer>;
  /**
   * The destination `place` (a word of letters and digits, another one for every test; nothing is there yet) at `port`, which is the
   * server's or that of a proxy before it, with all credentials and options.
   */
  url(server: TestServer, place: string, port: number): string;
  /** What has to be done by hand before the first object can be stored there, as making a bucket. */
  prepare?(server: TestServer, place: string): Promise<void>;
  /** Variables for the credentials that are not in the URL. */
  environment?(server: TestServer): Readonly<Record<string, string>>;
  /** The same destination with a wrong password or key. */
  wrongCredentials?(server: TestServer, place: string, port: number): string;
  /** A proxy before all ports of the server, where that is more than one; `url` is then given its port. */
  proxy?(server: TestServer, faults?: ProxyFaults): Promise<TcpProxy>;
  /** Whether the server's data survive `kill()`; otherwise what happens then is not tried. Default yes. */
  readonly survivesKill?: boolean;
  /**
   * Puts objects of one byte into `place` past the driver, where storing 10,000 of them through it would take minutes. The last hundred are
   * stored by the driver all the same.
   */
  fill?(server: TestServer, place: string, names: readonly string[]): Promise<void>;
  /**
   * How many objects a long listing has when each of them is stored through the driver: more than fit in a page, which holds a thousand or
   * two of most services. Default 2,500; 10,000 with `fill` and with `HOLDFAST_TEST_THOROUGH=1`.
   */
  readonly listed?: number;
}

const mebibyte = 1024 ** 2;

/** The storage of a destination as the program opens it; `attempts` 1 shows what a single call does. */
export async function openForTest(
  url: string,
  environment: Readonly<Record<string, string>> = {},
  options: Readonly<Record<string, string | number>> = { attempts: 1 },
): Promise<Storage> {
  const driver = await storageDriver(parseDestinationUrl(url).scheme);
  const { storage } = await openStorage(
    url,
    { flag: options, environment: environmentOptions(driver, environment) },
    {
      clock: systemClock,
      environment: { ...process.env, ...environment },
      warn: () => undefined,
    },
  );
  return storage;
}

/** Everything a driver has to stand besides the storage contract: servers that die, connections that break off, large listings. */
export function networkContract(subject: NetworkSubject): void {
  describe(subject.title, { concurrency: false }, () => {
    let started: Promise<TestServer> | undefined;
    // By the first test that runs: a choice of tests may leave all of these out.
    const serverOf = (): Promise<TestServer> => (started ??= subject.start());
    after(async () => (await started)?.[Symbol.asyncDispose]());
    let places = 0;
    const placeOf = async (): Promise<string> => {
      const place = `place${(places += 1)}`;
      await subject.prepare?.(await serverOf(), place);
      return place;
    };
    const open: Open = async (options, where = {}) => {
      const server = await serverOf();
      const { place = await placeOf(), port = server.port } = where;
      const environment = subject.environment?.(server);
      return openForTest(subject.url(server, place, port), environment, options);
    };

    // Where directories are filled past the driver, the longest list is one of those.
    const sizes = subject.fill === undefined || thorough ? listSizes : { ...listSizes, long: 300 };
    storageContract(subject.title, () => open(), sizes);
    const proxyOf: ProxyOf = async (faults) => {
      const server = await serverOf();
      return subject.proxy?.(server, faults) ?? tcpProxy(server.port, faults);
    };
    breaking(proxyOf, open, placeOf);
    if (subject.survivesKill !== false) dying(serverOf, proxyOf, open, placeOf);
    listing(subject, serverOf, open, placeOf);
    refusals(subject, serverOf, placeOf);

    test('a tree is backed up, killed, backed up again, checked, restored and compared', async () => {
      const server = await serverOf();
      const url = subject.url(server, await placeOf(), server.port);
      await backedUpAndRestored(url, subject.environment?.(server) ?? {});
    });
  });
}

type ServerOf = () => Promise<TestServer>;

type Open = (
  options?: Readonly<Record<string, string | number>>,
  where?: { readonly place?: string; readonly port?: number },
) => Promise<Storage>;

type ProxyOf = (faults?: ProxyFaults) => Promise<TcpProxy>;

/** Connections that are cut at random bytes. */
function breaking(proxyOf: ProxyOf, open: Open, placeOf: () => Promise<string>): void {
  const seed = Number(process.env['HOLDFAST_STRESS_SEED'] ?? Date.now() % 1_000_000);
  const body = pattern(1_500_000, 7);

  test(`an upload whose connection is cut at any byte stores all or nothing (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    const place = await placeOf();
    await using proxy = await proxyOf();
    await using direct = await open(undefined, { place });
    for (let round = 0; round < 12; round++) {
      const name = `cut/${round}`;
      const cut = round < 3 ? random.below(4000) : random.below(body.byteLength + 5000);
      await using storage = await open(undefined, { place, port: proxy.port }).catch(tolerated);
      proxy.faults.cutAfterSent = cut;
      const failure = await storage
        ?.put(
          name,
          round % 2 === 0 ? body : sourceOf([body.subarray(0, 700_000), body.subarray(700_000)]),
        )
        .then(
          () => undefined,
          (error: unknown) => error,
        );
      delete proxy.faults.cutAfterSent;
      if (failure !== undefined)
        assert.ok(hasCode(failure, 'storage/unavailable'), `round ${round}: ${messageOf(failure)}`);
      const stored = await readOrNothing(direct, name);
      if (failure === undefined && storage !== undefined) assert.ok(stored !== undefined);
      if (stored !== undefined) assert.ok(Buffer.from(stored).equals(body), 'a part was stored');
    }
    // Of a command that was cut, too, a server may take the beginning for the whole.
    for (const name of await namesIn(direct, ''))
      assert.ok(/^cut\/[0-9]+$/u.test(name) || 'cut/.holdfast-'.startsWith(name), name);
  });

  test(`a download whose connection is cut goes on where it was (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    const place = await placeOf();
    await using proxy = await proxyOf();
    await using direct = await open(undefined, { place });
    await direct.put('large', body);
    for (let round = 0; round < 6; round++) {
      await using storage = await open({ attempts: 5 }, { place, port: proxy.port });
      Object.assign(proxy.faults, {
        cuts: 1,
        cutAfterReceived: 2000 + random.below(body.byteLength - 4000),
      });
      const read =
        round % 2 === 0
          ? await collectAll(await storage.get('large'))
          : await storage.read('large', { range: { offset: 0, length: body.byteLength } });
      assert.ok(Buffer.from(read).equals(body));
    }
    assert.ok(proxy.cuts > 0, 'nothing was cut');
  });

  test('an upload is tried again after a cut', async () => {
    const place = await placeOf();
    await using proxy = await proxyOf({ cuts: 1, cutAfterSent: 600_000 });
    await using storage = await open({ attempts: 5 }, { place, port: proxy.port });
    await storage.put('again', body);
    assert.equal(proxy.cuts, 1);
    assert.ok(Buffer.from(await storage.read('again')).equals(body));
  });

  test('a server that no longer answers is given up', { timeout: 60_000 }, async () => {
    const place = await placeOf();
    await using proxy = await proxyOf();
    await using storage = await open({ attempts: 1, timeout: '2s' }, { place, port: proxy.port });
    await storage.put('a', pattern(10));
    proxy.faults.stalled = true;
    await rejectsWith(storage.stat('a'), 'storage/unavailable');
    await rejectsWith(storage.put('b', pattern(10)), 'storage/unavailable');
    proxy.cutAll();
  });
}

/** The server ends in the middle of things. */
function dying(
  serverOf: ServerOf,
  proxyOf: ProxyOf,
  open: Open,
  placeOf: () => Promise<string>,
): void {
  test('the server is killed in the middle of an upload', { timeout: 120_000 }, async () => {
    const [server, place] = [await serverOf(), await placeOf()];
    await using proxy = await proxyOf({ rate: 8 * mebibyte });
    await using storage = await open(undefined, { place, port: proxy.port });
    await storage.put('before', pattern(1000));
    const sentBefore = proxy.sent;
    const put = storage.put('interrupted', pattern(24 * mebibyte));
    const outcome = put.then(
      () => undefined,
      (error: unknown) => error,
    );
    await passes(() => proxy.sent - sentBefore > 4 * mebibyte);
    await server.kill();
    const failure = await outcome;
    await server.restart();
    assert.ok(hasCode(failure, 'storage/unavailable'), String(failure));
    delete proxy.faults.rate;
    await using later = await open({ attempts: 3 }, { place });
    assert.equal(await readOrNothing(later, 'interrupted'), undefined);
    assert.deepEqual(await namesIn(later, ''), ['before']);
    await later.put('interrupted', pattern(5000));
    assert.deepEqual(await namesIn(later, ''), ['before', 'interrupted']);
  });

  test('the server is killed in the middle of a download', { timeout: 120_000 }, async () => {
    const [server, place] = [await serverOf(), await placeOf()];
    await using proxy = await proxyOf({ rate: 8 * mebibyte });
    const body = pattern(24 * mebibyte);
    {
      await using direct = await open(undefined, { place });
      await direct.put('large', body);
    }
    await using storage = await open({ attempts: 8 }, { place, port: proxy.port });
    const reading = storage.get('large').then(collectAll);
    const outcome = reading.catch((error: unknown) => error);
    await passes(() => proxy.received > 2 * mebibyte);
    await server.kill();
    delete proxy.faults.rate;
    await server.restart();
    const read = await outcome;
    assert.ok(read instanceof Uint8Array, String(read));
    assert.ok(Buffer.from(read).equals(body));
  });
}

function listing(
  subject: NetworkSubject,
  serverOf: ServerOf,
  open: Open,
  placeOf: () => Promise<string>,
): void {
  const count = thorough || subject.fill !== undefined ? 10_000 : (subject.listed ?? 2500);
  test(
    `${count.toLocaleString('en')} objects are listed, each once`,
    { timeout: 240_000 },
    async () => {
      const place = await placeOf();
      await using storage = await open({ attempts: 3 }, { place });
      const all = Array.from(
        { length: count },
        (_, index) => `many/${String(index % 16).padStart(2, '0')}/${index}`,
      );
      let next = subject.fill === undefined ? 0 : all.length - 100;
      await subject.fill?.(await serverOf(), place, all.slice(0, next));
      await Promise.all(
        Array.from({ length: storage.capabilities.concurrency }, async () => {
          while (next < all.length) await storage.put(all[next++] ?? '', pattern(1));
        }),
      );
      const seen = await namesIn(storage, '');
      assert.equal(seen.length, all.length);
      assert.deepEqual(new Set(seen), new Set(all));
      assert.deepEqual(
        await namesIn(storage, 'many/07/'),
        all.filter((name) => name.startsWith('many/07/')).toSorted(byName),
      );
    },
  );
}

/** What the user is told when it is his to do something. */
function refusals(
  subject: NetworkSubject,
  serverOf: ServerOf,
  placeOf: () => Promise<string>,
): void {
  const wrong = subject.wrongCredentials?.bind(subject);
  if (wrong !== undefined) {
    test('wrong credentials are refused, in one sentence without them', async () => {
      const server = await serverOf();
      const url = wrong(server, await placeOf(), server.port);
      await assert.rejects(
        async () => {
          await using storage = await openForTest(url, subject.environment?.(server));
          await Array.fromAsync(storage.list(''));
        },
        (error) => {
          assert.ok(hasCode(error, 'storage/access-denied'), String(error));
          const password = parseDestinationUrl(url).password?.reveal();
          if (password !== undefined)
            assert.ok(
              !`${messageOf(error)} ${error.hint}`.includes(password),
              'the password is shown',
            );
          return true;
        },
      );
    });
  }

  test('a server that is not there is named in one sentence', async () => {
    const [server, port] = [await serverOf(), await freePort()];
    await assert.rejects(
      async () => {
        const url = subject.url(server, 'nowhere', port);
        await using storage = await openForTest(url, subject.environment?.(server));
        await Array.fromAsync(storage.list(''));
      },
      (error) => hasCode(error, 'storage/unavailable') && !error.message.includes('\n'),
    );
  });
}

async function readOrNothing(storage: Storage, name: string): Promise<Uint8Array | undefined> {
  try {
    return await storage.read(name);
  } catch (error) {
    if (hasCode(error, 'storage/not-found')) return undefined;
    throw error;
  }
}

/** An opening that fails because its connection was cut is as good as a call that fails. */
function tolerated(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'storage/unavailable') return undefined;
  throw error;
}

async function passes(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 5) {
    if (waited > 30_000) throw new Error('Nothing happened for 30 s');
    await systemClock.sleep(5);
  }
}
