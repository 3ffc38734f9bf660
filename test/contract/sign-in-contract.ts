import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, describe, test } from 'node:test';

import { systemClock } from '../../src/base/clock.ts';
import { type AppError, hasCode, messageOf } from '../../src/base/errors.ts';
import { openStorage } from '../../src/storage/open-storage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { openOnSimulator, signedIn } from '../servers/simulators/open-on-simulator.ts';
import { simulatedAccount } from '../servers/simulators/simulated-oauth.ts';
import type { SimulatorServer } from '../servers/simulators/start-simulator.ts';
import { namesIn, pattern, rejectsWith, sourceOf } from '../support/storage-samples.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** A driver that signs in by OAuth, and the simulator of its service. */
export interface SignInSubject {
  readonly title: string;
  start(): Promise<SimulatorServer>;
  /** Scheme and path of a destination, without options: `dropbox://place`. */
  url(place: string): string;
  /** Whether the service says how long to wait when there are too many requests. */
  readonly saysHowLong: boolean;
}

/** Options with values, `undefined` for none. */
type Options = Readonly<Record<string, string | undefined>>;

/** What a driver has to stand that signs in by OAuth: tokens that end, are replaced and revoked, limits, quotas, pages that fail. */
export function signInContract(subject: SignInSubject): void {
  describe(`${subject.title}: signing in, limits and pages`, { concurrency: false }, async () => {
    const server = await subject.start();
    after(() => server[Symbol.asyncDispose]());
    afterEach(() =>
      server.steer({
        rateLimited: 0,
        retryAfter: 0,
        outages: 0,
        quota: Number.MAX_SAFE_INTEGER,
        rotate: false,
        tokenLife: 3600,
        revoked: false,
        damageUploads: false,
        pageSize: 1000,
        expireCursors: false,
      }),
    );
    let places = 0;
    const open = (
      options: Options = signedIn,
      { place = `p${(places += 1)}`, attempts = 1 } = {},
    ): Promise<Storage> =>
      openOnSimulator(server, subject.url(place), { options: { ...options, attempts } });
    const tokenRequests = async (): Promise<number> =>
      (await server.counts())['token requests'] ?? 0;

    describe('tokens', () => {
      test('calls at once ask for one token, and later ones use it', async () => {
        const before = await tokenRequests();
        await using storage = await open();
        await Promise.all(['a', 'b', 'c', 'd'].map((name) => storage.put(name, pattern(10))));
        await storage.stat('a');
        assert.equal((await tokenRequests()) - before, 1);
      });

      test('a token that ends before its time is replaced without a failure', async () => {
        await using storage = await open();
        await storage.put('a', pattern(10));
        await server.steer({ expireTokens: true });
        assert.deepEqual(await storage.read('a'), pattern(10));
        await server.steer({ expireTokens: true });
        await storage.put('b', sourceOf([pattern(300_000)]));
        assert.deepEqual(await namesIn(storage, ''), ['a', 'b']);
      });

      test('a token that is about to end is replaced', async () => {
        await server.steer({ tokenLife: 0.2 });
        await using storage = await open();
        await storage.put('a', pattern(10));
        const before = await tokenRequests();
        await systemClock.sleep(250);
        await storage.stat('a');
        assert.ok((await tokenRequests()) > before);
      });

      test('a sign-in that was revoked is told, with what to do', async () => {
        await using storage = await open();
        await server.steer({ revoked: true });
        await assert.rejects(storage.put('a', pattern(10)), (error) => {
          assert.ok(hasCode(error, 'storage/access-denied'), String(error));
          assert.match(error.message, /revoked/u);
          assert.match(error.hint ?? '', /rclone authorize/u);
          return true;
        });
      });

      test('a wrong token, client or secret is refused, and not shown', async () => {
        const wrong: readonly Options[] = [
          { ...signedIn, 'refresh-token': 'wrong-and-secret' },
          { ...signedIn, 'client-secret': 'wrong-and-secret' },
          { ...signedIn, 'client-id': 'wrong-and-secret' },
          { 'access-token': 'wrong-and-secret' },
          { authid: 'wrong-and-secret', 'oauth-url': oauthUrl(server) },
        ];
        for (const options of wrong) {
          await using storage = await open(options);
          await assert.rejects(Array.fromAsync(storage.list('')), (error) => {
            assert.ok(hasCode(error, 'storage/access-denied'), String(error));
            assert.ok(!`${messageOf(error)} ${error.hint}`.includes('wrong-and-secret'));
            return true;
          });
        }
      });

      test('an access token alone will do', async () => {
        await using storage = await open({ 'access-token': simulatedAccount.accessToken });
        await storage.put('a', pattern(10));
        assert.deepEqual(await namesIn(storage, ''), ['a']);
      });

      test("Duplicati's AuthID will do", async () => {
        const options = { authid: simulatedAccount.authId, 'oauth-url': oauthUrl(server) };
        await using storage = await open(options);
        await storage.put('a', pattern(10));
        await server.steer({ expireTokens: true });
        assert.deepEqual(await storage.read('a'), pattern(10));
      });

      test('what rclone prints is taken as it is', async () => {
        const token = { access_token: 'x', refresh_token: simulatedAccount.refreshToken };
        await using storage = await open({ ...signedIn, 'refresh-token': JSON.stringify(token) });
        assert.deepEqual(await namesIn(storage, ''), []);
      });

      test('without anything to sign in with the user is told what to get', async () => {
        await assert.rejects(
          open({}),
          (error) => hasCode(error, 'input/usage') && /authorize/u.test(error.hint ?? ''),
        );
      });

      test('tokens are not sent to an address without encryption', async () => {
        const { port } = server;
        await assert.rejects(
          openStorage(
            `${subject.url('x')}?endpoint=http://example.org:${port}`,
            { flag: signedIn },
            { clock: systemClock, environment: {}, warn: () => undefined },
          ),
          (error) => hasCode(error, 'input/usage') && error.message.includes('https'),
        );
      });
    });

    describe('refresh tokens that are replaced', () => {
      test('are kept in the token file, for the owner alone, and used from there', async () => {
        await using own = await subject.start();
        await own.steer({ rotate: true });
        await using directory = await temporaryDirectory();
        const file = path.join(directory.path, 'token.json');
        const options = { ...signedIn, 'token-file': file };
        const warnings: AppError[] = [];
        const at = async (given: Options): Promise<readonly string[]> => {
          const url = subject.url('rotating');
          await using storage = await openOnSimulator(own, url, { options: given, warnings });
          return await namesIn(storage, '');
        };
        await at(options);
        const first = await readFile(file, 'utf8');
        assert.equal((await stat(file)).mode & 0o777, 0o600);
        // The configured token is no longer valid: what is in the file is.
        await at(options);
        assert.notEqual(await readFile(file, 'utf8'), first);
        const rest = { ...options, 'refresh-token': undefined };
        await at(rest);
        assert.deepEqual(warnings, []);
        // A token that the user configures anew is not passed over for the one in the file.
        await rejectsWith(at({ ...options, 'refresh-token': 'another' }), 'storage/access-denied');
        await writeFile(file, '{"broken"');
        await rejectsWith(at(rest), 'input/usage');
      });

      test('that cannot be kept are used, and the user is warned once', async () => {
        await using directory = await temporaryDirectory();
        for (const file of [undefined, path.join(directory.path, 'missing', 'token.json')]) {
          await using another = await subject.start();
          await another.steer({ rotate: true });
          const problems: AppError[] = [];
          const options = { ...signedIn, 'token-file': file };
          const url = subject.url('rotating');
          await using storage = await openOnSimulator(another, url, {
            options,
            warnings: problems,
          });
          await storage.put('a', pattern(10));
          for (let round = 0; round < 2; round++) {
            await another.steer({ expireTokens: true });
            await storage.stat('a');
          }
          assert.equal(problems.length, 1);
          assert.ok(hasCode(problems[0], 'local/unwritable'), String(problems[0]));
          assert.match(problems[0].hint ?? '', file === undefined ? /token-file/u : /writable/u);
        }
      });
    });

    describe('what the service refuses', () => {
      test('too many requests may pass, and the wait that is asked for is told', async () => {
        await using storage = await open();
        await storage.put('a', pattern(10));
        await server.steer({ rateLimited: 1, retryAfter: 7 });
        await assert.rejects(storage.stat('a'), (error) => {
          assert.ok(hasCode(error, 'storage/unavailable'), String(error));
          assert.equal(error.details['retryAfter'], subject.saysHowLong ? 7000 : undefined);
          return true;
        });
        await using patient = await open(signedIn, { attempts: 4 });
        await server.steer({ rateLimited: 2, retryAfter: 0 });
        await patient.put('b', pattern(10));
        await server.steer({ outages: 2 });
        assert.deepEqual(await patient.read('b'), pattern(10));
        await server.steer({ outages: 1 });
        await rejectsWith(storage.stat('a'), 'storage/unavailable');
      });

      test('a full account is told as such, and keeps what was there', async () => {
        await using storage = await open();
        await storage.put('a', pattern(100, 1));
        await server.steer({ quota: 0 });
        await rejectsWith(storage.put('a', pattern(200_000, 2)), 'storage/out-of-space');
        await rejectsWith(storage.put('large', pattern(12 * 1024 ** 2)), 'storage/out-of-space');
        await rejectsWith(
          storage.put('stream', sourceOf([pattern(9 * 1024 ** 2), pattern(3 * 1024 ** 2)])),
          'storage/out-of-space',
        );
        assert.deepEqual(await namesIn(storage, ''), ['a']);
        assert.deepEqual(await storage.read('a'), pattern(100, 1));
      });

      test('what was damaged on the way is found, and does not stay', async () => {
        await using storage = await open();
        await server.steer({ damageUploads: true });
        await rejectsWith(storage.put('small', pattern(1000)), 'storage/unavailable');
        await rejectsWith(storage.put('large', pattern(12 * 1024 ** 2)), 'storage/unavailable');
        await server.steer({ damageUploads: false });
        assert.deepEqual(await namesIn(storage, ''), []);
        await rejectsWith(storage.read('small'), 'storage/not-found');
      });

      test('a page of a listing that fails is an error, never a short list', async () => {
        await using storage = await open();
        const all = Array.from({ length: 25 }, (_, index) => `l/${String(index).padStart(2, '0')}`);
        await Promise.all(all.map((name) => storage.put(name, pattern(1))));
        await server.steer({ pageSize: 10 });
        assert.deepEqual(await namesIn(storage, 'l/'), all);
        await server.steer({ expireCursors: true });
        await assert.rejects(namesIn(storage, 'l/'));
        await using patient = await open(signedIn, { attempts: 3, place: `p${places}` });
        await server.steer({ expireCursors: true });
        assert.deepEqual(await namesIn(patient, 'l/'), all);
      });
    });

    test('names that differ by case, and those that services keep for themselves, are kept', async () => {
      await using storage = await open();
      const names = [
        'Mixed/Case',
        'mixed/case',
        'MIXED/x',
        'ÄRGER',
        'ärger',
        'con',
        'aux.txt',
        'desktop.ini',
        'ends with a dot.',
        'ends with a space ',
        ' starts',
        '~$locked',
        'a_vti_b',
        "it's",
        'back\\slash\\',
        'a:b*c?d|e<f>g',
        'e\u0301',
        '\u00e9',
        '!21',
        '!',
        'ſ',
        'straße',
        'duplicity-full.20260801T000000Z.vol1.difftar.gpg',
      ];
      for (const [index, name] of names.entries()) await storage.put(name, pattern(index + 1));
      assert.deepEqual(await namesIn(storage, ''), names.toSorted(byCodeUnit));
      for (const [index, name] of names.entries())
        assert.equal((await storage.stat(name)).size, index + 1, name);
      await storage.delete('Mixed/Case');
      assert.equal((await storage.stat('mixed/case')).size, 2);
    });
  });
}

function byCodeUnit(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

function oauthUrl({ port }: SimulatorServer): string {
  return `http://127.0.0.1:${port}/authid/refresh`;
}
