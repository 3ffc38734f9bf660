import { AppError } from '../../../base/errors.ts';
import { signInError } from '../../network/sign-in-error.ts';
import type { Authenticate } from './swift-access.ts';
import { refusedCredentials, wrongAddress } from './refused-credentials.ts';
import type { SwiftOptions } from './swift-options.ts';

/** Version 1, "TempAuth": one request with user and key; Ceph's gateway and SwiftStack speak it too. Throws `input/usage`. */
export function tempAuth(url: string, options: SwiftOptions): Authenticate {
  const { username } = options;
  const key = options.password ?? options['api-key'];
  if (username === undefined || key === undefined) {
    throw new AppError('input/usage', 'User and password for the container are missing', {
      hint: 'Give the options "username" (ACCOUNT:USER) and "password", as with SWIFT_USERNAME and SWIFT_PASSWORD',
    });
  }
  return async (client, { signal }) => {
    const action = `log in as "${username}"`;
    const response = await client.request({
      method: 'GET',
      url,
      headers: { 'x-auth-user': username, 'x-auth-key': key.reveal() },
      action,
      signal,
    });
    const said = await response.text();
    const { status } = response;
    if (status === 401 || status === 403) throw refusedCredentials(username, url);
    if (status === 404 || status === 300 || status === 400) throw wrongAddress(url, status);
    if (status < 200 || status > 299) throw signInError(response, action, said);
    const token = response.header('x-auth-token') ?? response.header('x-storage-token');
    const storageUrl = options['storage-url'] ?? response.header('x-storage-url');
    if (token === undefined || storageUrl === undefined) throw wrongAddress(url, status);
    const seconds = Number(response.header('x-auth-token-expires') ?? Number.NaN);
    return {
      token,
      storageUrl: storageUrl.replace(/\/+$/u, ''),
      ...(seconds > 0 && { lifetime: seconds * 1000 }),
    };
  };
}
