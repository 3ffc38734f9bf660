import { AppError } from '../../../base/errors.ts';
import { signInError } from '../../network/sign-in-error.ts';
import type { Authenticate } from './swift-access.ts';
import { field, instant } from '../../network/json-field.ts';
import { refusedCredentials, wrongAddress } from './refused-credentials.ts';
import { endpointsOfV3, storageEndpoint } from './service-catalogue.ts';
import type { SwiftOptions } from './swift-options.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * Keystone's version 3: with a password, an application credential or a token. Throws `input/usage`.
 * Source: OpenStack Identity API v3, "Password authentication with scoped authorization" and the sections after it.
 */
export function keystoneV3(base: string, options: SwiftOptions): Authenticate {
  const { who, auth } = requestOf(options);
  return async (client, { signal }) => {
    const action = `log in as "${who}"`;
    const response = await client.request({
      method: 'POST',
      url: `${base}/auth/tokens`,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ auth }),
      action,
      signal,
    });
    const { status } = response;
    if (status !== 201) {
      const said = await response.text();
      if (status === 401) throw refusedCredentials(who, base);
      if (status === 404 || status === 300 || status === 405) throw wrongAddress(base, status);
      throw signInError(response, action, said);
    }
    const token = response.header('x-subject-token');
    const answer = field(await response.json(), 'token');
    if (token === undefined) throw wrongAddress(base, status);
    const lifetime = instant(field(answer, 'expires_at')) - instant(field(answer, 'issued_at'));
    return {
      token,
      storageUrl:
        options['storage-url']?.replace(/\/+$/u, '') ??
        storageEndpoint(endpointsOfV3(field(answer, 'catalog')), options),
      ...(lifetime > 0 && { lifetime }),
    };
  };
}

function requestOf(options: SwiftOptions): { readonly who: string; readonly auth: Json } {
  const secret = options['application-credential-secret'];
  if (secret !== undefined) {
    const id = options['application-credential-id'];
    const name = options['application-credential-name'];
    if (id === undefined && name === undefined)
      throw missing('"application-credential-id" or "application-credential-name"');
    const credential =
      id === undefined
        ? { name, user: userOf(options), secret: secret.reveal() }
        : { id, secret: secret.reveal() };
    return {
      who: id ?? name ?? '',
      // What it is good for is part of an application credential.
      auth: {
        identity: { methods: ['application_credential'], application_credential: credential },
      },
    };
  }
  const scope = { project: projectOf(options) };
  const { token, password } = options;
  if (password !== undefined) {
    return {
      who: options.username ?? options['user-id'] ?? '',
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { ...userOf(options), password: password.reveal() } },
        },
        scope,
      },
    };
  }
  if (token === undefined) throw missing('"username" and "password"');
  return {
    who: 'the holder of the token',
    auth: { identity: { methods: ['token'], token: { id: token.reveal() } }, scope },
  };
}

function userOf(options: SwiftOptions): Json {
  const id = options['user-id'];
  if (id !== undefined) return { id };
  if (options.username === undefined) throw missing('"username"');
  return {
    name: options.username,
    domain: domainOf(options['user-domain-id'], options['user-domain']) ?? { id: 'default' },
  };
}

function projectOf(options: SwiftOptions): Json {
  const id = options['project-id'];
  if (id !== undefined) return { id };
  if (options.project === undefined) throw missing('"project" or "project-id"');
  return {
    name: options.project,
    domain: domainOf(options['project-domain-id'], options['project-domain']) ??
      domainOf(options['user-domain-id'], options['user-domain']) ?? { id: 'default' },
  };
}

function domainOf(id: string | undefined, name: string | undefined): Json | undefined {
  if (id !== undefined) return { id };
  return name === undefined ? undefined : { name };
}

function missing(what: string): AppError {
  return new AppError('input/usage', `For Keystone the option ${what} is missing`, {
    hint: 'The file that your provider offers as "OpenStack RC" sets all of them (OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME …)',
  });
}
