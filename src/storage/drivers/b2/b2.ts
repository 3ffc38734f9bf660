import { AppError } from '../../../base/errors.ts';
import { shownAddress } from '../../shown-address.ts';
import { Semaphore } from '../../../base/semaphore.ts';
import { defineDriver } from '../../driver.ts';
import { HttpClient } from '../../network/http-client.ts';
import { ObjectKeys } from '../../network/object-keys.ts';
import { tlsOptions, tlsTrust } from '../../network/tls.ts';
import type { OptionsOf, RawValue, StorageOption } from '../../option-schema.ts';
import type { DestinationUrl } from '../../url.ts';
import { B2Account } from './b2-account.ts';
import { B2Bucket } from './b2-bucket.ts';
import { B2Storage } from './b2-storage.ts';
import { B2Uploader } from './b2-upload.ts';

/** More than calls at once: a large object goes in several requests. */
const mostConnections = 64;

/** Parts of streams that are in memory at once. */
const partsInMemory = 6;

const b2Options = [
  { name: 'bucket', kind: 'string', help: 'The bucket', required: true },
  { name: 'prefix', kind: 'string', help: 'Path within the bucket', default: '' },
  {
    name: 'key-id',
    kind: 'string',
    help: 'Identifier of the application key',
    required: true,
    aliases: ['b2-accountid', 'auth-username'],
    environment: ['B2_APPLICATION_KEY_ID', 'B2_ACCOUNT_ID'],
  },
  {
    name: 'key',
    kind: 'secret',
    help: 'The application key',
    required: true,
    aliases: ['b2-applicationkey', 'auth-password'],
    environment: ['B2_APPLICATION_KEY', 'B2_ACCOUNT_KEY'],
  },
  {
    name: 'hide',
    kind: 'boolean',
    help: 'Hide what is deleted, so that the bucket keeps it; a key that may not delete does so anyway',
    default: 'no',
    aliases: ['b2-hide-files'],
  },
  {
    name: 'create-bucket',
    kind: 'boolean',
    help: 'Make the bucket when it is missing',
    default: 'no',
  },
  {
    name: 'bucket-type',
    kind: 'choice',
    help: 'How a bucket is made',
    choices: ['allPrivate', 'allPublic'],
    default: 'allPrivate',
    aliases: ['b2-create-bucket-type'],
  },
  {
    name: 'lock-mode',
    kind: 'choice',
    help: 'Lock new objects against deletion (the bucket must have Object Lock)',
    choices: ['governance', 'compliance'],
    aliases: ['b2-lock-mode'],
  },
  { name: 'lock-period', kind: 'duration', help: 'How long new objects are locked' },
  {
    name: 'part-size',
    kind: 'size',
    help: 'Objects above four times this size are stored in parts of it, several at once',
    default: '16M',
  },
  {
    name: 'page-size',
    kind: 'number',
    help: 'Objects of one page of a listing; each 1000 are paid as one call',
    default: '1000',
    aliases: ['b2-page-size'],
  },
  {
    name: 'endpoint',
    kind: 'string',
    place: true,
    help: 'Where to sign in',
    default: 'https://api.backblazeb2.com',
  },
  {
    name: 'download-url',
    kind: 'string',
    help: 'Where files are read from, if not where the service says: https://f123.example.com',
    aliases: ['b2-download-url'],
  },
] as const satisfies readonly StorageOption[];

type B2Options = OptionsOf<typeof b2Options>;

export const b2Driver = defineDriver({
  scheme: 'b2',
  title: 'Backblaze B2',
  urlForms: ['b2://[KEYID[:KEY]@]BUCKET[/PATH]'],
  testedAgainst: "Backblaze's own simulator of its API",
  options: [...b2Options, ...tlsOptions],
  fromUrl,
  async open(options, context) {
    const { clock, environment, signal } = context;
    checkOptions(options);
    const keys = new ObjectKeys(options.prefix);
    const endpoint = addressIn('endpoint', options.endpoint);
    const trust =
      endpoint.protocol === 'https:'
        ? await tlsTrust(options, {
            host: endpoint.hostname,
            port: Number(endpoint.port || '443'),
            signal,
          })
        : {};
    const client = new HttpClient({ trust, connections: mostConnections, environment });
    const account = new B2Account(client, {
      endpoint: endpoint.origin,
      keyId: options['key-id'],
      applicationKey: options.key,
    });
    const mode = options['lock-mode'];
    const download = options['download-url'];
    return new B2Storage({
      location: `b2://${options.bucket}/${options.prefix}`,
      client,
      account,
      bucket: new B2Bucket(account, {
        name: options.bucket,
        root: keys.startOf(''),
        createAs: options['create-bucket'] ? options['bucket-type'] : undefined,
      }),
      uploader: new B2Uploader(account, client, {
        partSize: options['part-size'],
        memory: new Semaphore(partsInMemory),
        retention:
          mode === undefined
            ? undefined
            : () => ({ mode, until: clock.now() + (options['lock-period'] ?? 0) }),
      }),
      keys,
      clock,
      downloadUrl: download === undefined ? undefined : addressIn('download-url', download).origin,
      hide: options.hide,
      pageSize: options['page-size'],
    });
  },
});

/** `b2://KEYID:KEY@BUCKET/PATH`. Backblaze's keys may hold slashes: those are percent-encoded. */
function fromUrl({
  host = '',
  port,
  path,
  user,
  password,
}: DestinationUrl): Readonly<Record<string, RawValue>> {
  if (host === '' || port !== undefined) {
    throw new AppError('input/usage', 'The URL names no bucket', {
      hint: 'Write b2://KEYID:KEY@BUCKET/PATH; a slash in the key is written %2F',
    });
  }
  return {
    bucket: host,
    prefix: path.replaceAll(/^\/+|\/+$/gu, ''),
    ...(user !== undefined && { 'key-id': user }),
    ...(password !== undefined && { key: password }),
  };
}

function checkOptions(options: B2Options): void {
  const pageSize = options['page-size'];
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 10_000)
    throw new AppError('input/usage', 'The option "page-size" must be from 1 to 10000');
  const partSize = options['part-size'];
  if (partSize < 5_000_000 || partSize > 5_000_000_000)
    throw new AppError('input/usage', 'The option "part-size" must be from 5 MB to 5 GB');
  if ((options['lock-mode'] === undefined) !== (options['lock-period'] === undefined)) {
    throw new AppError('input/usage', 'The options "lock-mode" and "lock-period" belong together');
  }
}

function addressIn(option: string, text: string): URL {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/u.test(url.protocol)) return url;
  throw new AppError(
    'input/usage',
    `The option "${option}" is no address: "${shownAddress(text)}"`,
    {
      hint: 'It begins with https://',
    },
  );
}
