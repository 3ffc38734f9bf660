import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { openForTest } from '../../../../test/contract/network-contract.ts';
import { missingPrograms } from '../../../../test/servers/required-programs.ts';
import { startSwift, swiftKeystonePrograms } from '../../../../test/servers/swift.ts';
import { namesIn, pattern, rejectsWith } from '../../../../test/support/storage-samples.ts';
import { hasCode } from '../../../base/errors.ts';

const missing = missingPrograms(swiftKeystonePrograms);

describe('Swift with Keystone', { skip: missing }, async () => {
  if (missing !== false) return;
  const server = await startSwift({ keystone: true });
  after(() => server[Symbol.asyncDispose]());
  const environment = {
    OS_AUTH_URL: server.authUrl,
    OS_USERNAME: server.user,
    OS_PASSWORD: server.password,
    OS_PROJECT_NAME: server.project,
    OS_USER_DOMAIN_NAME: 'Default',
    OS_PROJECT_DOMAIN_NAME: 'Default',
    OS_REGION_NAME: server.region,
    OS_IDENTITY_API_VERSION: '3',
  };

  test('objects are stored, listed, read and deleted', async () => {
    await using storage = await openForTest('swift://kept/p?create-container', environment);
    await storage.put('a/b', pattern(1000), { ifAbsent: true });
    await storage.put('a/c', pattern(2_000_000));
    await rejectsWith(storage.put('a/b', pattern(1), { ifAbsent: true }), 'storage/already-exists');
    assert.deepEqual(await namesIn(storage, ''), ['a/b', 'a/c']);
    assert.deepEqual(
      await storage.read('a/c', { range: { offset: 5, length: 10 } }),
      pattern(2_000_000).slice(5, 15),
    );
    await storage.delete('a/b');
    assert.deepEqual(await namesIn(storage, ''), ['a/c']);
  });

  test("duplicity's variables, an address without version and ids of domains mean the same", async () => {
    await using storage = await openForTest('swift://kept/p?create-container', {
      SWIFT_AUTHURL: server.authUrl.replace(/\/v3$/u, ''),
      SWIFT_USERNAME: server.user,
      SWIFT_PASSWORD: server.password,
      SWIFT_TENANTNAME: server.project,
      SWIFT_USER_DOMAIN_ID: 'default',
    });
    await storage.put('variables', pattern(1));
  });

  test('a token and an application credential do as well as a password', async () => {
    const [token, user, project] = await login(server);
    const api = async (path: string, body: object): Promise<unknown> => {
      const answer = await fetch(`${server.authUrl}${path}`, {
        method: 'POST',
        headers: { 'x-auth-token': token, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      assert.equal(answer.status, 201, await answer.clone().text());
      return answer.json();
    };
    await using byToken = await openForTest('swift://kept/p?create-container', {
      OS_AUTH_URL: server.authUrl,
      OS_TOKEN: token,
      OS_PROJECT_ID: project,
    });
    await byToken.put('by-token', pattern(1));
    const { application_credential: made } = (await api(`/users/${user}/application_credentials`, {
      application_credential: { name: 'backup', roles: [{ name: 'member' }] },
    })) as { readonly application_credential: { readonly id: string; readonly secret: string } };
    await using byCredential = await openForTest('swift://kept/p', {
      OS_AUTH_URL: server.authUrl,
      OS_APPLICATION_CREDENTIAL_ID: made.id,
      OS_APPLICATION_CREDENTIAL_SECRET: made.secret,
    });
    assert.deepEqual(await byCredential.read('by-token'), pattern(1));
  });

  test('what is wrong is told in one sentence', async () => {
    for (const [change, code, expected] of [
      [{ OS_PASSWORD: 'wrong-word' }, 'storage/access-denied', /does not accept/u],
      [{ OS_PROJECT_NAME: 'other' }, 'storage/access-denied', /does not accept/u],
      [{ OS_REGION_NAME: 'R2' }, 'input/usage', /no object storage in the region "R2"/u],
      [{ OS_INTERFACE: 'admin' }, 'storage/access-denied', /no admin address/u],
      [{ OS_AUTH_URL: `${server.authUrl}/wrong/v3` }, 'storage/access-denied', /No tokens/u],
    ] as const) {
      await using storage = await openForTest('swift://kept', { ...environment, ...change });
      await assert.rejects(
        storage.read('a'),
        (error) =>
          hasCode(error, code) &&
          expected.test(error.message) &&
          !`${error.message} ${error.hint}`.includes('wrong-word'),
      );
    }
    await assert.rejects(
      openForTest('swift://kept', { ...environment, OS_PROJECT_NAME: '' }),
      /"project" or "project-id" is missing/u,
    );
  });
});

/** A token, and the ids of its user and project. */
async function login(server: {
  readonly authUrl: string;
  readonly user: string;
  readonly password: string;
  readonly project: string;
}): Promise<readonly [token: string, user: string, project: string]> {
  const domain = { id: 'default' };
  const answer = await fetch(`${server.authUrl}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: server.user, domain, password: server.password } },
        },
        scope: { project: { name: server.project, domain } },
      },
    }),
  });
  const { token } = (await answer.json()) as {
    readonly token: {
      readonly user: { readonly id: string };
      readonly project: { readonly id: string };
    };
  };
  return [answer.headers.get('x-subject-token') ?? '', token.user.id, token.project.id];
}
