import type { Clock } from '../../../base/clock.ts';
import { AppError, type ErrorCode } from '../../../base/errors.ts';
import { type HttpResponse, statusError } from '../../network/http-client.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

const denied = (text: string, hint: string): Meaning => ({
  code: 'storage/access-denied',
  text,
  hint,
});

const rights =
  'It needs the rights read, write, delete, list and create on the container (a SAS), or the role "Storage Blob Data Contributor" (an identity)';
const another: Meaning = {
  code: 'storage/unavailable',
  text: 'another upload of the same object came between',
};
const corrupted: Meaning = { code: 'storage/unavailable', text: 'its bytes arrived changed' };
const leased = denied(
  'somebody holds a lease on it',
  'Release or break the lease ("az storage blob lease break"), or find out which program holds it',
);
const immutable = denied(
  'a policy of the container or of the object keeps it from being changed or deleted',
  'Wait until the retention time is over; the policies are shown in the portal under "Access policy"',
);

/** What the service says in `x-ms-error-code` (Microsoft, "Blob Storage error codes"). What is not here goes by its status. */
const meanings: Readonly<Record<string, Meaning>> = {
  BlobNotFound: { code: 'storage/not-found', text: 'there is no such object' },
  BlobAlreadyExists: { code: 'storage/already-exists', text: 'it is already there' },
  ConditionNotMet: { code: 'storage/already-exists', text: 'it is already there' },
  ContainerNotFound: {
    code: 'storage/no-container',
    text: 'the container does not exist',
    hint: 'Make it in the portal or with "az storage container create", or add the option "create-container"',
  },
  ContainerBeingDeleted: {
    code: 'storage/no-container',
    text: 'the container is just being deleted',
    hint: 'Wait a minute, and make it again',
  },
  ContainerDisabled: denied('the container is disabled', 'Ask who manages the storage account'),
  AccountIsDisabled: denied(
    'the storage account is disabled',
    'Look in the portal whether the subscription is in order',
  ),
  AuthorizationFailure: denied(
    'the account does not let us do this',
    `Look at the key or the SAS, which may have ended, and at the firewall of the storage account. ${rights}`,
  ),
  AuthorizationPermissionMismatch: denied(
    'the credentials do not give the right to do this',
    rights,
  ),
  AuthorizationResourceTypeMismatch: denied('the SAS is not for objects and containers', rights),
  AuthorizationServiceMismatch: denied('the SAS is not for the Blob service', rights),
  AuthorizationProtocolMismatch: denied(
    'the SAS is for https only',
    'Write the endpoint with https://',
  ),
  AuthorizationSourceIPMismatch: denied(
    'the SAS is not for the address of this machine',
    'Make a SAS without a range of addresses, or with the right one',
  ),
  InsufficientAccountPermissions: denied(
    'the credentials do not give the right to do this',
    rights,
  ),
  InvalidAuthenticationInfo: denied(
    'the credentials are not accepted',
    'Look at the key, the SAS or the identity, and at the clock of this machine',
  ),
  NoAuthenticationInformation: denied(
    'the account wants other credentials',
    'Give a key, a SAS or an identity',
  ),
  KeyBasedAuthenticationNotPermitted: denied(
    'the account does not allow keys',
    'Use an identity: "client-secret", a workload identity or "managed-identity"',
  ),
  AccountRequiresHttps: denied('the account speaks https only', 'Write the endpoint with https://'),
  BlobArchived: denied(
    'it is in the archive tier, and cannot be read there',
    'Bring it back with "az storage blob set-tier --tier Hot"; that takes up to 15 hours',
  ),
  BlobBeingRehydrated: denied(
    'it is on its way from the archive tier',
    'Try again in some hours; bringing it back takes up to 15',
  ),
  BlobImmutableDueToPolicy: immutable,
  BlobImmutableDueToLegalHold: immutable,
  LeaseIdMissing: leased,
  LeaseIdMismatchWithBlobOperation: leased,
  LeaseAlreadyPresent: leased,
  SnapshotsPresent: denied('it has snapshots', 'Delete its snapshots first'),
  InvalidBlobType: denied(
    'something of another type is stored under its name',
    'Choose another prefix, or delete what is there',
  ),
  InvalidResourceName: denied(
    'the service does not accept the name',
    'Names of containers have 3 to 63 small letters, digits and single hyphens',
  ),
  BlobAccessTierNotSupportedForAccountType: denied(
    'the kind of storage account does not know the tier',
    'Leave the option "tier" out',
  ),
  Md5Mismatch: corrupted,
  Crc64Mismatch: corrupted,
  InvalidBlockList: another,
  InvalidBlobOrBlock: another,
  InvalidBlockId: another,
  ServerBusy: { code: 'storage/unavailable', text: 'the service is busy' },
  OperationTimedOut: { code: 'storage/unavailable', text: 'the service took too long' },
  InternalError: { code: 'storage/unavailable', text: 'the service failed' },
};

/** More than that, and the service refuses what we sign. */
const tolerance = 15 * 60_000;

/** The error for an answer that is not the wanted one; reads the answer to its end. */
export async function azureError(
  response: HttpResponse,
  action: string,
  clock: Clock,
): Promise<AppError> {
  const said = response.header('x-ms-error-code');
  const text = await response.text();
  const base = statusError(response, action, messageIn(text) ?? said);
  const details = { ...base.details, ...(said !== undefined && { azure: said }) };
  const drift = clockDrift(response, clock);
  if (said === 'AuthenticationFailed') {
    return new AppError(
      'storage/access-denied',
      `Cannot ${action}: the service does not accept the credentials`,
      {
        hint:
          drift === undefined
            ? 'Look at the name of the account, and at the key; a SAS may have ended'
            : `The clock of this machine differs by ${drift} minutes from that of the service: set it`,
        details,
      },
    );
  }
  const meaning = said !== undefined && Object.hasOwn(meanings, said) ? meanings[said] : undefined;
  if (meaning !== undefined) {
    return new AppError(meaning.code, `Cannot ${action}: ${meaning.text}`, {
      details,
      ...(meaning.hint !== undefined && { hint: meaning.hint }),
    });
  }
  // Only an answer that names the object as missing is believed: any web server says 404.
  if (base.code === 'storage/not-found' || base.code === 'storage/already-exists') {
    return new AppError(
      'storage/access-denied',
      `Cannot ${action}: the server answers with status ${response.status}${said === undefined ? '' : ` (${said})`}`,
      {
        details,
        hint: 'Look at the endpoint, which must be that of the Blob service, and at the name of the account',
      },
    );
  }
  return base;
}

/** What the XML of an error says, in one line. */
function messageIn(text: string): string | undefined {
  return /<Message>(?<message>[^<\n]*)/u.exec(text)?.groups?.['message'];
}

/** Minutes between our clock and the service's, when they are too many. */
function clockDrift(response: HttpResponse, clock: Clock): number | undefined {
  const theirs = Date.parse(response.header('date') ?? '');
  const difference = Math.abs(theirs - clock.now());
  return difference > tolerance ? Math.round(difference / 60_000) : undefined;
}
