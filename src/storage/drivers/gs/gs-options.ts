import { refused } from '../../foreign-option.ts';
import { duplicatiHandler } from '../../network/duplicati-authid.ts';
import { tlsOptions } from '../../network/tls.ts';
import type { OptionsOf, StorageOption } from '../../option-schema.ts';

/** What a destination at Google Cloud Storage can be told. */
export const gsOptions = [
  { name: 'bucket', kind: 'string', help: 'The bucket, the first part of the URL', required: true },
  {
    name: 'prefix',
    kind: 'string',
    help: 'What the names of all objects begin with, the path of the URL',
    default: '',
  },
  {
    name: 'credentials-file',
    kind: 'string',
    help: 'File with the key of a service account, or the configuration of workload identity federation (JSON)',
    aliases: ['gcs-service-account-file', 'service-account-file'],
    environment: ['GOOGLE_APPLICATION_CREDENTIALS'],
  },
  {
    name: 'credentials-json',
    kind: 'secret',
    help: 'What would be in that file',
    aliases: ['gcs-service-account-json', 'service-account-json'],
    environment: ['GOOGLE_APPLICATION_CREDENTIALS_JSON'],
  },
  {
    name: 'access-token',
    kind: 'secret',
    help: 'An access token that was given already; it is of use as long as it lasts',
    environment: ['GOOGLE_OAUTH_ACCESS_TOKEN', 'GOOGLE_ACCESS_TOKEN'],
  },
  {
    name: 'authid',
    kind: 'secret',
    help: 'AuthID from the handler that Duplicati uses',
  },
  {
    name: 'oauth-url',
    kind: 'string',
    help: 'Where that handler answers',
    default: duplicatiHandler,
  },
  {
    name: 'access-key-id',
    kind: 'string',
    help: 'Interoperability (HMAC) key instead of an account',
    environment: ['GS_ACCESS_KEY_ID'],
  },
  {
    name: 'secret-access-key',
    kind: 'secret',
    help: 'The secret of the interoperability key',
    environment: ['GS_SECRET_ACCESS_KEY'],
  },
  {
    name: 'project',
    kind: 'string',
    help: 'Project of a bucket that is made (its id)',
    aliases: ['gcs-project', 'project-id'],
    environment: ['GOOGLE_PROJECT_ID', 'GOOGLE_CLOUD_PROJECT', 'GCLOUD_PROJECT'],
  },
  {
    name: 'user-project',
    kind: 'string',
    help: 'Project that pays for the requests, for buckets whose requester pays',
  },
  {
    name: 'create-bucket',
    kind: 'boolean',
    help: 'Make the bucket when it is not there; takes the option "project"',
    default: 'no',
  },
  {
    name: 'location',
    kind: 'string',
    help: 'Where a bucket is made that is made: a region such as europe-west1, or EU',
    aliases: ['gcs-location'],
  },
  {
    name: 'storage-class',
    kind: 'string',
    help: 'Storage class of what is stored: STANDARD, NEARLINE, COLDLINE or ARCHIVE (otherwise that of the bucket)',
    aliases: ['gcs-storage-class'],
  },
  {
    name: 'upload-cutoff',
    kind: 'size',
    help: 'Objects larger than this are sent in chunks, and go on after a cut',
    default: '16M',
  },
  {
    name: 'chunk-size',
    kind: 'size',
    help: 'Bytes of a chunk, a multiple of 256 KiB',
    default: '16M',
  },
  {
    name: 'endpoint',
    kind: 'string',
    place: true,
    help: 'Where the interface answers, for private endpoints and simulators',
    default: 'https://storage.googleapis.com',
  },
  ...tlsOptions,
  refused('gcs-retention-policy-mode', 'string', {
    reason: 'objects are not locked one by one here',
    hint: 'Leave it out, and give the bucket a retention policy: gcloud storage buckets update gs://BUCKET --retention-period=30d',
  }),
] as const satisfies readonly StorageOption[];

export type GsOptions = OptionsOf<typeof gsOptions>;
