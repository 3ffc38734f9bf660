import type { PutObjectCommandInput } from '@aws-sdk/client-s3';

import type { Clock } from '../../../base/clock.ts';
import { AppError } from '../../../base/errors.ts';
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
