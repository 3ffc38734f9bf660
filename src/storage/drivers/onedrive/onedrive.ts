import { AppError } from '../../../base/errors.ts';
import { defineDriver } from '../../driver.ts';
import { withoutEffect } from '../../foreign-option.ts';
import { nameCodec, nameStyles } from '../../network/escaped-name.ts';
import type { TokenGrant } from '../../network/oauth.ts';
import { clientCredentialsGrant, type TokenEndpoint } from '../../network/oauth-grants.ts';
import { checkedEndpoint, oauthOptions } from '../../network/oauth-options.ts';
import { signedInHttp } from '../../network/signed-in-http.ts';
import { placeInUrl } from './drive-place.ts';
import { GraphApi } from './graph-api.ts';
import { OnedriveStorage } from './onedrive-storage.ts';
import { signInHint } from './translate-error.ts';

/** Bytes of which every fragment but the last must be a multiple. */
const fragmentUnit = 320 * 1024;

const largestFragment = 60 * 1024 ** 2;

/** Microsoft's clouds: where one signs in, and where Graph is. */
const clouds = {
  global: ['https://login.microsoftonline.com', 'https://graph.microsoft.com'],
  us: ['https://login.microsoftonline.us', 'https://graph.microsoft.us'],
  'us-dod': ['https://login.microsoftonline.us', 'https://dod-graph.microsoft.us'],
  china: ['https://login.chinacloudapi.cn', 'https://microsoftgraph.chinacloudapi.cn'],
} as const satisfies Readonly<Record<string, readonly [login: string, graph: string]>>;

/** OneDrive and SharePoint by Microsoft Graph; no library. */
export const onedriveDriver = defineDriver({
  scheme: 'onedrive',
  title: 'OneDrive, SharePoint, Microsoft 365 groups',
  urlForms: [
    'onedrive://path',
    'sharepoint://HOST/sites/NAME/path',
    'sharepoint://SITE-ID/path',
    'msgroup://path?group-email=ADDRESS',
  ],
  testedAgainst: 'a simulator',
  options: [
    { name: 'folder', kind: 'string', help: 'The folder, from the root of the drive', default: '' },
    {
      name: 'place',
      kind: 'choice',
      choices: ['own', 'site', 'group'],
      default: 'own',
      help: 'Whose drive: the one who signs in, a SharePoint site, a group',
    },
    {
      name: 'drive-id',
      kind: 'string',
      place: true,
      help: 'Id of the drive (document library), instead of looking for it',
    },
    {
      name: 'site',
      kind: 'string',
      place: true,
      help: 'SharePoint site: its id, HOST, or HOST:/sites/NAME',
      aliases: ['site-id'],
    },
    { name: 'group-id', kind: 'string', help: 'Id of the group' },
    { name: 'group-email', kind: 'string', help: 'Address of the group' },
    {
      name: 'drive',
      kind: 'string',
      place: true,
      help: 'Path of Microsoft Graph to the drive',
      default: 'me/drive',
      environment: ['DUPLICITY_ONEDRIVE_ROOT'],
    },
    {
      name: 'app-folder',
      kind: 'boolean',
      place: true,
      help: "Stay in the app's own folder, which needs the least rights (Files.ReadWrite.AppFolder)",
      default: 'no',
    },
    {
      name: 'refresh-token',
      kind: 'secret',
      place: true,
      help: 'Refresh token, or the JSON text that "rclone authorize onedrive" prints',
      environment: ['OAUTH2_REFRESH_TOKEN'],
    },
    {
      name: 'client-id',
      kind: 'string',
      help: 'Client (application) with which the refresh token was made',
      environment: ['OAUTH2_CLIENT_ID', 'DUPLICITY_ONEDRIVE_CLIENT_ID'],
    },
    {
      name: 'client-secret',
      kind: 'secret',
      help: 'Secret of the client; alone, without a refresh token, the application signs in itself',
    },
    {
      name: 'tenant',
      kind: 'string',
      place: true,
      help: 'Tenant at which one signs in: an id or domain, or "consumers" for personal accounts',
      default: 'common',
    },
    { name: 'access-token', kind: 'secret', help: 'Access token; it ends after about an hour' },
    {
      name: 'token-file',
      kind: 'string',
      place: true,
      help: 'File in which the newest refresh token is kept: Microsoft replaces it all the time',
      environment: ['DUPLICITY_ONEDRIVE_TOKEN'],
    },
    ...oauthOptions,
    {
      name: 'names',
      kind: 'choice',
      choices: nameStyles,
      default: 'escaped',
      help: 'Write what OneDrive could confuse as "!" and two digits, or names as they are',
    },
    {
      name: 'deletion',
      kind: 'choice',
      choices: ['trash', 'permanent'],
      default: 'trash',
      help: 'Delete into the recycle bin, where files take space for a while, or for good',
    },
    {
      name: 'fragment-size',
      kind: 'size',
      help: 'Bytes of large objects that are sent at once, a multiple of 320 KiB',
      default: '10M',
    },
    withoutEffect('fragment-retry-count', 'how often a call is made is said by "attempts"'),
    withoutEffect(
      'fragment-retry-delay',
      'pauses grow with each attempt, or are what the service asks for',
    ),
    {
      name: 'cloud',
      kind: 'choice',
      place: true,
      choices: ['global', 'us', 'us-dod', 'china'],
      default: 'global',
      help: "Which of Microsoft's clouds",
    },
    { name: 'endpoint', kind: 'string', help: 'Another server with the same interface, for tests' },
  ],
  fromUrl: placeInUrl,
  async open(options, context) {
    const fragmentSize = options['fragment-size'];
    if (
      fragmentSize % fragmentUnit !== 0 ||
      fragmentSize < fragmentUnit ||
      fragmentSize > largestFragment
    ) {
      throw new AppError(
        'input/usage',
        'The option "fragment-size" must be a multiple of 320 KiB, and at most 60 MiB',
        { hint: 'As 10M, which is 32 times 320 KiB' },
      );
    }
    const other = options.endpoint && checkedEndpoint('endpoint', options.endpoint);
    const [login, graph] = other === undefined ? clouds[options.cloud] : [other, other];
    const clientId = options['client-id'];
    const clientSecret = options['client-secret'];
    const tokenFile = options['token-file'];
    const { authid, 'access-token': accessToken, 'refresh-token': refreshToken } = options;
    const isApplication =
      clientSecret !== undefined &&
      [refreshToken, tokenFile, authid, accessToken].every((given) => given === undefined);
    const http = await signedInHttp(
      {
        service: 'OneDrive',
        signInHint,
        tokenUrl: `${login}/${encodeURIComponent(options.tenant)}/oauth2/v2.0/token`,
        endpoints: [graph],
        caFile: options['ca-file'],
        grant: isApplication
          ? (endpoint: TokenEndpoint): TokenGrant =>
              clientCredentialsGrant(endpoint, {
                clientId,
                clientSecret: clientSecret.reveal(),
                scope: `${graph}/.default`,
              })
          : undefined,
        clientId,
        clientSecret,
        refreshToken,
        tokenFile,
        authId: authid,
        oauthUrl: options['oauth-url'],
        accessToken,
      },
      context,
    );
    return new OnedriveStorage({
      api: new GraphApi(http, graph),
      place: {
        place: options.place,
        driveId: options['drive-id'],
        site: options.site,
        groupId: options['group-id'],
        groupEmail: options['group-email'],
        drive: options.drive,
        appFolder: options['app-folder'],
      },
      folder: options.folder,
      names: nameCodec(options.names),
      fragmentSize,
      permanent: options.deletion === 'permanent',
      location: `onedrive://${options.folder}`,
      warn: context.warn,
    });
  },
});
