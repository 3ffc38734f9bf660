import type { OptionsOf, StorageOption } from '../../option-schema.ts';
import { refused, withoutEffect } from '../../foreign-option.ts';
import { tlsOptions } from '../../network/tls.ts';
import { presetNames, presets } from './presets.ts';

/** The options of the driver. `place` and `path` are what the URL says; which of them names the bucket is decided in `destination.ts`. */
export const s3Options = [
  {
    name: 'place',
    kind: 'string',
    help: 'What stands after the slashes of the URL: a bucket, or a server with its port',
    default: '',
  },
  {
    name: 'path',
    kind: 'string',
    help: 'The rest of the URL: the prefix of all names, after a server with the bucket before it',
    default: '',
  },
  {
    name: 'scheme',
    kind: 'string',
    help: 'The scheme of the URL: some stand for a service, s3+http for a server without TLS',
    default: 's3',
  },
  {
    name: 'access-key-id',
    kind: 'string',
    help: 'The public half of the key; without one the credentials of the AWS tools are looked for (environment, profiles, SSO, web identity, instance role)',
    aliases: [
      'aws-access-key-id',
      'aws_access_key_id',
      'access_key_id',
      'auth-username',
      'oss-access-key-id',
      'cos-secret-id',
    ],
    environment: ['AWS_ACCESS_KEY_ID'],
  },
  {
    name: 'secret-access-key',
    kind: 'secret',
    help: 'The secret half of the key',
    aliases: [
      'aws-secret-access-key',
      'aws_secret_access_key',
      'access_key_secret',
      'secret_access_key',
      'auth-password',
      'oss-access-key-secret',
      'cos-secret-key',
    ],
    environment: ['AWS_SECRET_ACCESS_KEY'],
  },
  {
    name: 'session-token',
    kind: 'secret',
    help: 'The token that comes with a temporary key; AWS_SESSION_TOKEN is taken when the key comes from the environment too',
    aliases: ['aws-session-token'],
  },
  {
    name: 'profile',
    kind: 'string',
    help: 'The profile in ~/.aws whose credentials and region are used; stronger than a key in the environment',
    aliases: ['aws-profile'],
  },
  {
    name: 'provider',
    kind: 'choice',
    place: true,
    help: `Which service it is: ${presets.map(({ name, title }) => `${name} (${title})`).join(', ')}`,
    choices: presetNames,
  },
  {
    name: 'endpoint',
    kind: 'string',
    place: true,
    help: 'The server, HOST[:PORT] or a URL, when it does not follow from the provider; then the URL of the destination begins with the bucket',
    aliases: ['s3-server-name', 's3-endpoint-url', 'endpoint-url', 'oss-endpoint'],
    environment: ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'],
  },
  {
    name: 'region',
    kind: 'string',
    help: 'Where the bucket is; otherwise what the host or the profile says, or the usual region of the provider',
    aliases: ['s3-location-constraint', 's3-authentication-region', 's3-region-name', 'cos-region'],
    environment: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
  },
  {
    name: 'account',
    kind: 'string',
    place: true,
    help: 'The account that is part of the host (Cloudflare) or of the name of the bucket (Tencent)',
    aliases: ['cos-app-id'],
  },
  {
    name: 'bucket',
    kind: 'string',
    help: 'The bucket, when the URL does not name it; then all of the URL is the prefix',
    aliases: ['oss-bucket-name', 'cos-bucket'],
  },
  {
    name: 'path-style',
    kind: 'boolean',
    help: 'Name the bucket in the path of requests, not in the host; otherwise what suits the provider',
  },
  {
    name: 'tls',
    kind: 'boolean',
    help: 'Whether the connection is encrypted; it is, but for s3+http:// and endpoints that begin with http://',
    aliases: ['use-ssl'],
  },
  {
    name: 'create-bucket',
    kind: 'boolean',
    help: 'Make the bucket when something is stored and it is missing',
    default: 'no',
  },
  {
    name: 'storage-class',
    kind: 'string',
    help: 'The storage class of new objects, such as STANDARD_IA; classes that must be restored before they can be read make every restore wait',
    aliases: ['s3-storage-class', 'cos-storage-class'],
  },
  {
    name: 'lock-mode',
    kind: 'choice',
    help: 'Lock new objects against deletion: governance can be lifted by those who may, compliance by nobody; the bucket must have object lock switched on',
    choices: ['governance', 'compliance'],
    aliases: ['s3-lock-mode'],
  },
  {
    name: 'lock-retention',
    kind: 'duration',
    help: 'How long new objects are locked',
  },
  {
    name: 'server-side-encryption',
    kind: 'choice',
    help: 'Encryption at rest by the service, besides our own: with keys of S3, or of its key management',
    choices: ['s3', 'kms'],
  },
  {
    name: 'kms-key-id',
    kind: 'string',
    help: 'The key of the key management service; its default key when none is named',
    aliases: ['s3-kms-key-id'],
  },
  {
    name: 'part-size',
    kind: 'size',
    help: 'Larger objects are sent in parts of this size, several at once (objects that are in memory from four times this size on); 5 MiB at least',
    default: '16MiB',
  },
  {
    name: 'abort-uploads-after',
    kind: 'duration',
    help: 'Uploads in parts that were left unfinished, by a crash, go when they are as old as this',
    default: '3D',
  },
  {
    name: 'list-version',
    kind: 'choice',
    help: 'How the bucket is listed; otherwise what suits the provider',
    choices: ['v1', 'v2'],
    aliases: ['s3-list-api-version'],
  },
  {
    name: 'unsigned-payload',
    kind: 'boolean',
    help: 'Sign only the headers and send an MD5 of the contents, for services that do not take signed contents',
    default: 'no',
    aliases: ['s3-disable-payload-signing'],
  },
  ...tlsOptions,
  withoutEffect('s3-client', 'there is one client, and it speaks to every service'),
  withoutEffect('s3-disable-chunk-encoding', 'nothing is sent in signed chunks'),
  withoutEffect('s3-recursive-list', 'a listing is always that of all below the prefix'),
  refused('s3-archive-classes', 'string', {
    reason: 'whatever is stored must be readable at once, to be restored, checked and pruned',
    hint: 'Leave it out, and take a "storage-class" from which one reads at once, such as STANDARD_IA or GLACIER_IR',
  }),
  refused('s3-ext-*', 'string', {
    reason: "it sets a property of Duplicati's own library",
    hint: 'See whether an option here says the same: "holdfast destination list s3"',
  }),
] as const satisfies readonly StorageOption[];

export type S3Options = OptionsOf<typeof s3Options>;
