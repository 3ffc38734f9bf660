import { refused } from '../../foreign-option.ts';
import type { StorageOption } from '../../option-schema.ts';

/** What an Azure destination can be told, besides its TLS. */
export const azureOptions = [
  {
    name: 'container',
    kind: 'string',
    help: 'The container',
    required: true,
    aliases: ['azure-blob-container-name'],
  },
  { name: 'prefix', kind: 'string', help: 'Path within the container', default: '' },
  {
    name: 'account',
    kind: 'string',
    help: 'Name of the storage account',
    aliases: ['azure-account-name', 'azure_account_name', 'auth-username'],
    environment: ['AZURE_ACCOUNT_NAME', 'AZURE_STORAGE_ACCOUNT', 'AZURE_STORAGE_ACCOUNT_NAME'],
  },
  {
    name: 'key',
    kind: 'secret',
    help: 'One of the two keys of the account',
    aliases: ['azure-access-key', 'azure_access_key', 'auth-password'],
    environment: [
      'AZURE_ACCOUNT_KEY',
      'AZURE_STORAGE_KEY',
      'AZURE_STORAGE_ACCOUNT_KEY',
      'AZURE_STORAGE_ACCESS_KEY',
    ],
  },
  {
    name: 'sas-token',
    kind: 'secret',
    help: 'Shared access signature of the container or the account',
    aliases: ['azure-access-sas-token'],
    environment: ['AZURE_ACCOUNT_SAS', 'AZURE_STORAGE_SAS_TOKEN'],
  },
  {
    name: 'connection-string',
    kind: 'secret',
    help: 'Connection string of the account, as the portal gives it',
    environment: ['AZURE_CONNECTION_STRING', 'AZURE_STORAGE_CONNECTION_STRING'],
  },
  {
    name: 'tenant-id',
    kind: 'string',
    help: 'Directory (tenant) of an application',
    environment: ['AZURE_TENANT_ID'],
  },
  {
    name: 'client-id',
    kind: 'string',
    help: 'The application, or which of the managed identities',
    environment: ['AZURE_CLIENT_ID'],
  },
  {
    name: 'client-secret',
    kind: 'secret',
    help: 'Secret of the application',
    environment: ['AZURE_CLIENT_SECRET'],
  },
  {
    name: 'federated-token-file',
    kind: 'string',
    help: 'File with the token of a workload identity (Kubernetes)',
    environment: ['AZURE_FEDERATED_TOKEN_FILE'],
  },
  {
    name: 'managed-identity',
    kind: 'boolean',
    help: 'Use the managed identity of this machine',
    default: 'no',
  },
  {
    name: 'authority-host',
    kind: 'string',
    help: 'Where tokens come from; sovereign clouds have their own',
    default: 'https://login.microsoftonline.com',
    environment: ['AZURE_AUTHORITY_HOST'],
  },
  {
    name: 'endpoint',
    kind: 'string',
    help: 'Address of the Blob service, if it is not that of the account in the public cloud',
    environment: ['AZURE_STORAGE_BLOB_ENDPOINT', 'AZURE_STORAGE_SERVICE_ENDPOINT'],
  },
  {
    name: 'endpoint-suffix',
    kind: 'string',
    help: 'The cloud: core.windows.net, core.chinacloudapi.cn, core.usgovcloudapi.net',
    default: 'core.windows.net',
    environment: ['AZURE_ENDPOINT_SUFFIX'],
  },
  {
    name: 'tier',
    kind: 'choice',
    help: 'Access tier of new objects; without it, that of the account',
    choices: ['hot', 'cool', 'cold', 'archive'],
    aliases: ['azure-access-tier', 'azure-blob-tier'],
  },
  {
    name: 'allow-archive',
    kind: 'boolean',
    help: 'Accept the tier "archive", from which nothing can be read',
    default: 'no',
  },
  refused('azure-archive-classes', 'string', {
    reason: 'whatever is stored must be readable at once, to be restored, checked and pruned',
    hint: 'Leave it out, and take a "tier" from which one reads at once, such as cold',
  }),
  {
    name: 'immutability',
    kind: 'choice',
    help: 'Lock new objects against change and deletion',
    choices: ['unlocked', 'locked'],
    aliases: ['azure-blob-immutability-policy-mode'],
  },
  {
    name: 'immutability-period',
    kind: 'duration',
    help: 'How long new objects are locked',
  },
  {
    name: 'create-container',
    kind: 'boolean',
    help: 'Make the container when it is missing',
    default: 'no',
  },
  {
    name: 'part-size',
    kind: 'size',
    help: 'Objects above this size are stored in blocks of it, several at once',
    default: '8M',
    aliases: ['azure-max-block-size'],
  },
] as const satisfies readonly StorageOption[];
