import { AppError } from '../../../base/errors.ts';
import { signInError } from '../../network/sign-in-error.ts';
import type { Authenticate } from './swift-access.ts';
import { field, instant, textField } from '../../network/json-field.ts';
import { refusedCredentials, wrongAddress } from './refused-credentials.ts';
import { endpointsOfV2, storageEndpoint } from './service-catalogue.ts';
import type { SwiftOptions } from './swift-options.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * Keystone's version 2, and Rackspace, whose API keys are an extension of it (RAX-KSKEY). Throws `input/usage`.
 * Source: OpenStack Identity API v2.0, "Authenticate"; Rackspace Identity, "Authenticate as user with API key".
 */
export function keystoneV2(base: string, options: SwiftOptions): Authenticate {
  const { who, auth } = requestOf(options);
  return async (client, { signal }) => {
    const action = `log in as "${who}"`;
    const response = await client.request({
      method: 'POST',
      url: `${base}/tokens`,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ auth }),
      action,
      signal,
    });
    const { status } = response;
    if (status !== 200 && status !== 203) {
      const said = await response.text();
      if (status === 401) throw refusedCredentials(who, base);
      if (status === 404 || status === 300 || status === 405) throw wrongAddress(base, status);
      throw signInError(response, action, said);
    }
    const now = Date.parse(response.header('date') ?? '');
    const access = field(await response.json(), 'access');
    const token = textField(field(access, 'token'), 'id');
    if (token === undefined) throw wrongAddress(base, status);
    const issued = instant(field(field(access, 'token'), 'issued_at'));
    const expires = instant(field(field(access, 'token'), 'expires'));
    const lifetime = expires - (Number.isNaN(issued) ? now : issued);
    return {
      token,
      storageUrl:
        options['storage-url']?.replace(/\/+$/u, '') ??
        storageEndpoint(endpointsOfV2(field(access, 'serviceCatalog')), options),
      ...(lifetime > 0 && { lifetime }),
    };
  };
}

function requestOf(options: SwiftOptions): { readonly who: string; readonly auth: Json } {
  const { username, password, token } = options;
  const key = options['api-key'];
  const tenant = {
    ...(options.project !== undefined && { tenantName: options.project }),
    ...(options['project-id'] !== undefined && { tenantId: options['project-id'] }),
  };
  if (username !== undefined && key !== undefined) {
    return {
      who: username,
      auth: { 'RAX-KSKEY:apiKeyCredentials': { username, apiKey: key.reveal() }, ...tenant },
    };
  }
  if (username !== undefined && password !== undefined) {
    return {
      who: username,
      auth: { passwordCredentials: { username, password: password.reveal() }, ...tenant },
    };
  }
  if (token !== undefined) {
    return {
      who: 'the holder of the token',
      auth: { token: { id: token.reveal() }, ...tenant },
    };
  }
  throw new AppError('input/usage', 'User and password for the container are missing', {
    hint:
      options.provider === 'rackspace'
        ? 'Give the options "username" and "api-key", as with CLOUDFILES_USERNAME and CLOUDFILES_APIKEY'
        : 'Give the options "username", "password" and "project", as with SWIFT_USERNAME, SWIFT_PASSWORD and SWIFT_TENANTNAME',
  });
}
