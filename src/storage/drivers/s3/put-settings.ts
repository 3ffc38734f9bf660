import type { PutObjectCommandInput } from '@aws-sdk/client-s3';

import type { Clock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { S3Options } from './schema.ts';

type PutOptions = Pick<
  S3Options,
  'storage-class' | 'lock-mode' | 'lock-retention' | 'server-side-encryption' | 'kms-key-id'
>;

/** What every new object is stored with. */
export type PutSettings = Pick<
  PutObjectCommandInput,
  | 'StorageClass'
  | 'ServerSideEncryption'
  | 'SSEKMSKeyId'
  | 'ObjectLockMode'
  | 'ObjectLockRetainUntilDate'
>;

/** Checks the options that go together; throws `input/usage`. */
export function checkPutOptions(options: PutOptions): void {
  const { 'lock-mode': mode, 'lock-retention': retention } = options;
  if ((mode === undefined) !== (retention === undefined)) {
    throw new AppError('input/usage', 'The options "lock-mode" and "lock-retention" go together', {
      hint: 'For example lock-mode=governance and lock-retention=30D',
    });
  }
  if (options['kms-key-id'] !== undefined && options['server-side-encryption'] !== 'kms') {
    throw new AppError(
      'input/usage',
      'The option "kms-key-id" goes with "server-side-encryption=kms"',
    );
  }
}

/** The settings of an object that is stored now: its lock counts from here. */
export function putSettings(options: PutOptions, clock: Clock): PutSettings {
  const { 'lock-mode': mode, 'lock-retention': retention } = options;
  const encryption = options['server-side-encryption'];
  const keyId = options['kms-key-id'];
  // The SDK's types have its known classes only; services have others.
  const storageClass = options['storage-class'] as PutSettings['StorageClass'];
  return {
    ...(storageClass !== undefined && { StorageClass: storageClass }),
    ...(encryption !== undefined && {
      ServerSideEncryption: encryption === 'kms' ? 'aws:kms' : 'AES256',
    }),
    ...(keyId !== undefined && { SSEKMSKeyId: keyId }),
    ...(mode !== undefined &&
      retention !== undefined && {
        ObjectLockMode: mode === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE',
        ObjectLockRetainUntilDate: new Date(clock.now() + retention),
      }),
  };
}

/** What a refused put may have to do with its settings: services do not say which argument they mean. */
export function withSettings(
  error: unknown,
  { StorageClass, ObjectLockMode }: PutSettings,
): unknown {
  if (!hasCode(error, 'storage/access-denied') || error.details['status'] !== 400) return error;
  const { cause, details } = error;
  if (ObjectLockMode !== undefined) {
    return new AppError('input/usage', `${error.message}; perhaps the bucket has no object lock`, {
      cause,
      details,
      hint: 'Object lock is switched on when a bucket is made; leave "lock-mode" out otherwise',
    });
  }
  if (StorageClass === undefined) return error;
  const text = `perhaps the service has no storage class "${StorageClass}"`;
  const hint = 'Look at the option "storage-class"';
  return new AppError('input/usage', `${error.message}; ${text}`, { cause, details, hint });
}
