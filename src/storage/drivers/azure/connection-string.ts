import { AppError } from '../../../base/errors.ts';
import { Secret } from '../../../base/secret.ts';

/** What a connection string says, as the portal of Azure gives it. */
export interface ConnectionString {
  readonly account?: string;
  readonly key?: Secret;
  readonly sasToken?: Secret;
  /** Address of the Blob service. */
  readonly endpoint?: string;
}

/** The account of every local emulator. Its key is public: Microsoft prints it in its manual. */
const emulator =
  'DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1';

/**
 * Takes `DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…;EndpointSuffix=…`, `BlobEndpoint=…;SharedAccessSignature=…` or
 * `UseDevelopmentStorage=true` apart (Microsoft, "Configure Azure Storage connection strings"). Throws `input/usage`; the error never
 * holds a part of the text.
 */
export function parseConnectionString(text: Secret): ConnectionString {
  const parts = new Map<string, string>();
  for (const part of text.reveal().trim().split(';')) {
    if (part.trim() === '') continue;
    const equals = part.indexOf('=');
    if (equals <= 0) throw broken('a part of it is not of the form Name=value');
    parts.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
  }
  if (parts.get('usedevelopmentstorage')?.toLowerCase() === 'true')
    return parseConnectionString(new Secret(emulator));
  const account = parts.get('accountname');
  const key = parts.get('accountkey');
  const sasToken = parts.get('sharedaccesssignature');
  const endpoint = parts.get('blobendpoint') ?? endpointOf(account, parts);
  if (endpoint === undefined) throw broken('it holds neither AccountName nor BlobEndpoint');
  return {
    endpoint,
    ...(account !== undefined && { account }),
    ...(key !== undefined && { key: new Secret(key) }),
    ...(sasToken !== undefined && { sasToken: new Secret(sasToken) }),
  };
}

function endpointOf(
  account: string | undefined,
  parts: ReadonlyMap<string, string>,
): string | undefined {
  if (account === undefined) return undefined;
  const protocol = parts.get('defaultendpointsprotocol') ?? 'https';
  return `${protocol}://${account}.blob.${parts.get('endpointsuffix') ?? 'core.windows.net'}`;
}

function broken(reason: string): AppError {
  return new AppError('input/usage', `The connection string makes no sense: ${reason}`, {
    hint: 'Copy it from the page "Access keys" of the storage account, whole and in quotes: it holds semicolons',
  });
}
