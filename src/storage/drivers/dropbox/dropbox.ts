import { AppError } from '../../../base/errors.ts';
import { defineDriver } from '../../driver.ts';
import { nameCodec, nameStyles } from '../../network/escaped-name.ts';
import { checkedEndpoint, folderOf, oauthOptions } from '../../network/oauth-options.ts';
import { signedInHttp } from '../../network/signed-in-http.ts';
import { blockSize } from './content-hash.ts';
import { DropboxApi } from './dropbox-api.ts';
import { DropboxStorage } from './dropbox-storage.ts';
import { signInHint } from './translate-error.ts';

/** Bytes; what Dropbox takes in one request of a session. */
const largestFragment = 148 * 1024 ** 2;

/** Dropbox by its own interface; no library. */
export const dropboxDriver = defineDriver({
  scheme: 'dropbox',
  title: 'Dropbox',
  urlForms: ['dropbox://path', 'dpbx:///path'],
  testedAgainst: 'a simulator',
  options: [
    {
      name: 'folder',
      kind: 'string',
      place: true,
      help: 'The folder, from the root or the app folder',
      default: '',
    },
    {
      name: 'refresh-token',
      kind: 'secret',
      place: true,
      help: 'Refresh token, or the JSON text that "rclone authorize dropbox" prints',
      environment: ['DPBX_REFRESH_TOKEN'],
    },
    {
      name: 'app-key',
      kind: 'string',
      help: 'Key of the app with which the refresh token was made',
      aliases: ['client-id'],
      environment: ['DPBX_APP_KEY'],
    },
    {
      name: 'app-secret',
      kind: 'secret',
      help: 'Secret of the app; none for an app that signs in by PKCE',
      aliases: ['client-secret'],
      environment: ['DPBX_APP_SECRET'],
    },
    {
      name: 'access-token',
      kind: 'secret',
      help: 'Access token; those of today end after four hours',
      environment: ['DPBX_ACCESS_TOKEN'],
    },
    {
      name: 'token-file',
      kind: 'string',
      place: true,
      help: 'File in which a refresh token is kept that Dropbox gives in place of another',
    },
    ...oauthOptions,
    {
      name: 'names',
      kind: 'choice',
      choices: nameStyles,
      default: 'escaped',
      help: 'Write what Dropbox could confuse as "!" and two digits, or names as they are',
    },
    {
      name: 'deletion',
      kind: 'choice',
      choices: ['trash', 'permanent'],
      default: 'trash',
      help: 'Keep deleted files restorable (30 days or more), or not (needs a team and its permission)',
    },
    {
      name: 'fragment-size',
      kind: 'size',
      help: 'Bytes of large objects that are sent at once, a multiple of 4 MiB',
      default: '8M',
    },
    { name: 'endpoint', kind: 'string', help: 'Another server with the same interface, for tests' },
  ],
  fromUrl: (url) => ({ folder: folderOf(url) }),
  async open(options, context) {
    const fragmentSize = options['fragment-size'];
    if (
      fragmentSize % blockSize !== 0 ||
      fragmentSize < blockSize ||
      fragmentSize > largestFragment
    ) {
      throw new AppError(
        'input/usage',
        'The option "fragment-size" must be a multiple of 4 MiB, and at most 148 MiB',
      );
    }
    const other = options.endpoint && checkedEndpoint('endpoint', options.endpoint);
    const endpoints = {
      api: other ?? 'https://api.dropboxapi.com',
      content: other ?? 'https://content.dropboxapi.com',
    };
    const http = await signedInHttp(
      {
        service: 'Dropbox',
        signInHint,
        tokenUrl: `${endpoints.api}/oauth2/token`,
        endpoints: Object.values(endpoints),
        caFile: options['ca-file'],
        clientId: options['app-key'],
        clientSecret: options['app-secret'],
        refreshToken: options['refresh-token'],
        tokenFile: options['token-file'],
        authId: options.authid,
        oauthUrl: options['oauth-url'],
        accessToken: options['access-token'],
      },
      context,
    );
    return new DropboxStorage({
      api: new DropboxApi(http, endpoints),
      folder: options.folder,
      names: nameCodec(options.names),
      fragmentSize,
      permanent: options.deletion === 'permanent',
      warn: context.warn,
    });
  },
});
