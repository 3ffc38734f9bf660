import { readFile } from 'node:fs/promises';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { fileReason } from '../../../base/file-reason.ts';
import { Secret } from '../../../base/secret.ts';
import { defineDriver } from '../../driver.ts';
import { checkedEndpoint, folderOf, oauthOptions } from '../../network/oauth-options.ts';
import { signedInHttp } from '../../network/signed-in-http.ts';
import { DriveApi } from './drive-api.ts';
import { DriveStorage } from './drive-storage.ts';
import { type ServiceAccount, serviceAccountGrant, serviceAccountIn } from './service-account.ts';
import { signInHint } from './translate-error.ts';

/** Google Drive by its own interface; no library. */
export const googledriveDriver = defineDriver({
  scheme: 'googledrive',
  title: 'Google Drive',
  urlForms: ['googledrive://folder/path', 'gdrive://ACCOUNT/path?driveID=ID'],
  testedAgainst: 'a simulator',
  options: [
    { name: 'folder', kind: 'string', help: 'The folder, from the root of the drive', default: '' },
    {
      name: 'service-account-file',
      kind: 'string',
      place: true,
      help: 'JSON key of a service account',
      environment: ['GOOGLE_SERVICE_JSON_FILE'],
    },
    { name: 'service-account-json', kind: 'secret', place: true, help: 'The same key as a text' },
    {
      name: 'service-account-email',
      kind: 'string',
      place: true,
      help: 'A service account without a JSON key, with "service-account-key"',
    },
    {
      name: 'service-account-key',
      kind: 'secret',
      place: true,
      help: 'Private key (PEM) of the account of "service-account-email"',
      environment: ['GOOGLE_DRIVE_ACCOUNT_KEY'],
    },
    {
      name: 'subject',
      kind: 'string',
      place: true,
      help: 'The user in whose name a service account acts (domain-wide delegation)',
      aliases: ['impersonate'],
    },
    {
      name: 'scope',
      kind: 'choice',
      choices: ['drive', 'drive.file'],
      default: 'drive',
      help: 'What a service account asks for: all files it may see, or only those it has made',
    },
    {
      name: 'refresh-token',
      kind: 'secret',
      place: true,
      help: 'Refresh token, or the JSON text that "rclone authorize drive" prints',
    },
    { name: 'client-id', kind: 'string', help: 'Client with which the refresh token was made' },
    { name: 'client-secret', kind: 'secret', help: 'Secret of the client' },
    {
      name: 'client-secrets',
      kind: 'string',
      help: 'JSON file with id and secret of the client, as the Google Cloud console gives it',
      environment: ['GOOGLE_CLIENT_SECRET_JSON_FILE', 'GOOGLE_SECRETS_FILE'],
    },
    { name: 'access-token', kind: 'secret', help: 'Access token; it ends after an hour' },
    {
      name: 'token-file',
      kind: 'string',
      place: true,
      help: 'File in which a refresh token is kept that Google gives in place of another',
    },
    ...oauthOptions,
    {
      name: 'shared-drive',
      kind: 'string',
      place: true,
      help: 'Id of the shared drive in which the folder is',
      aliases: ['googledrive-teamdrive-id', 'team-drive', 'driveID'],
    },
    {
      name: 'root-folder',
      kind: 'string',
      place: true,
      help: 'Id of the folder in which the folder is, as one that is shared with the account',
      aliases: ['myDriveFolderID'],
    },
    {
      name: 'deletion',
      kind: 'choice',
      choices: ['permanent', 'trash'],
      default: 'permanent',
      help: 'Delete for good, or into the trash, where files take space for 30 days',
    },
    { name: 'endpoint', kind: 'string', help: 'Another server with the same interface, for tests' },
  ],
  fromUrl(url) {
    // duplicity names the account before the path.
    if (url.user !== undefined)
      return {
        'service-account-email': `${url.user}@${url.host ?? ''}`,
        folder: folderOf({ path: url.path }),
      };
    return { folder: folderOf(url) };
  },
  async open(options, context) {
    const other = options.endpoint && checkedEndpoint('endpoint', options.endpoint);
    const endpoint = other ?? 'https://www.googleapis.com';
    const account = await accountOf(options, context);
    const client = await clientOf(options, context);
    const http = await signedInHttp(
      {
        service: 'Google Drive',
        signInHint,
        tokenUrl: other === undefined ? 'https://oauth2.googleapis.com/token' : `${other}/token`,
        endpoints: [endpoint],
        caFile: options['ca-file'],
        grant:
          account &&
          ((token) =>
            serviceAccountGrant(token, account, {
              scope: `https://www.googleapis.com/auth/${options.scope}`,
              subject: options.subject,
            })),
        ...client,
        refreshToken: options['refresh-token'],
        tokenFile: options['token-file'],
        authId: options.authid,
        oauthUrl: options['oauth-url'],
        accessToken: options['access-token'],
      },
      context,
    );
    return new DriveStorage({
      api: new DriveApi({
        http,
        endpoint,
        sharedDrive: options['shared-drive'],
        trash: options.deletion === 'trash',
      }),
      rootFolder: options['root-folder'],
      folder: options.folder,
      warn: context.warn,
    });
  },
});

interface AccountOptions {
  readonly 'service-account-file': string | undefined;
  readonly 'service-account-json': Secret | undefined;
  readonly 'service-account-email': string | undefined;
  readonly 'service-account-key': Secret | undefined;
}

async function accountOf(
  options: AccountOptions,
  call: CallOptions,
): Promise<ServiceAccount | undefined> {
  const { 'service-account-file': file, 'service-account-email': email } = options;
  const json = options['service-account-json'];
  const key = options['service-account-key'];
  if (json !== undefined)
    return serviceAccountIn(json.reveal(), 'The option "service-account-json"');
  if (file !== undefined) {
    const text = await readText('service-account-file', file, call);
    return serviceAccountIn(text, `The file "${file}" of "service-account-file"`);
  }
  if (key === undefined) return undefined;
  if (email !== undefined) return { email, privateKey: key.reveal() };
  throw new AppError('input/usage', 'The option "service-account-email" is missing', {
    hint: 'A private key alone does not say whose it is; the JSON key holds both',
  });
}

interface ClientOptions {
  readonly 'client-id': string | undefined;
  readonly 'client-secret': Secret | undefined;
  readonly 'client-secrets': string | undefined;
}

async function clientOf(
  options: ClientOptions,
  call: CallOptions,
): Promise<{ readonly clientId: string | undefined; readonly clientSecret: Secret | undefined }> {
  const { 'client-id': clientId, 'client-secret': clientSecret, 'client-secrets': file } = options;
  if (clientId !== undefined || file === undefined) return { clientId, clientSecret };
  const text = await readText('client-secrets', file, call);
  let content: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>> | null;
  try {
    content = JSON.parse(text) as typeof content;
  } catch {
    content = null;
  }
  const { client_id: id, client_secret: secret } = content?.['installed'] ?? content?.['web'] ?? {};
  if (typeof id === 'string' && typeof secret === 'string')
    return { clientId: id, clientSecret: new Secret(secret) };
  throw new AppError('input/usage', `The file "${file}" of "client-secrets" holds no client`, {
    hint: 'It must be the JSON file that the Google Cloud console gives for an OAuth client',
  });
}

async function readText(option: string, file: string, { signal }: CallOptions): Promise<string> {
  try {
    return await readFile(file, { encoding: 'utf8', signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new AppError(
      'input/usage',
      `Cannot read the file "${file}" of "${option}": ${fileReason(cause)}`,
      {
        cause,
      },
    );
  }
}
