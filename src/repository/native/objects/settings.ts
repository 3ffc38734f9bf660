import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { RecordReader, RecordWriter } from '../../../codec/binary/record.ts';
import { requireNumber } from './field-values.ts';
import { settingsName } from './object-name.ts';
import {
  decodeNamed,
  openSigned,
  requireOwnerKey,
  sealSigned,
  type NamedObject,
  type Signed,
  type Signing,
  type Verifying,
} from './signed-object.ts';

/** Which packs new backups may build upon. */
export type TrustRule = 'all' | 'audited' | 'own';

/** What an owner may change about a repository later (docs/formats/native.md, section 10). */
export interface Settings {
  /** The settings with the largest number count. */
  readonly number: number;
  readonly id: string;
  /** What packs grow to, in bytes. */
  readonly packTarget: number | undefined;
  readonly trust: TrustRule;
  /** Snapshots of each group that policies never take. */
  readonly keepLast: number;
  /** Days of which one snapshot is never taken. */
  readonly keepDays: number;
  readonly requiredToRead: readonly string[];
  readonly requiredToWrite: readonly string[];
  readonly optional: readonly string[];
}

/** What counts for a repository without any settings. */
export const defaultSettings: Omit<Settings, 'number' | 'id'> = {
  packTarget: undefined,
  trust: 'all',
  keepLast: 3,
  keepDays: 7,
  requiredToRead: [],
  requiredToWrite: [],
  optional: [],
};

const tags = [1, 2, 3, 4, 5, 6, 7, 8] as const;
const trustRules: readonly TrustRule[] = ['all', 'audited', 'own'];
const maximumPackTarget = 64 * 1024 * 1024;

/** `signing.signer` must be the owner key. */
export function encodeSettings(settings: Settings, signing: Signing): NamedObject {
  const record = new RecordWriter()
    .number(1, settings.packTarget)
    .number(2, trustRules.indexOf(settings.trust) + 1)
    .number(3, settings.keepLast)
    .number(4, settings.keepDays)
    .texts(5, settings.requiredToRead)
    .texts(6, settings.requiredToWrite)
    .texts(7, settings.optional)
    .number(8, settings.number)
    .take();
  return {
    name: settingsName(settings.number, settings.id),
    bytes: sealSigned('settings', settings.id, record, signing),
  };
}

/** Throws an `AppError` (`repository/damaged`) unless the owner key signed exactly these bytes under this name. */
export function decodeSettings(
  name: string,
  bytes: Uint8Array,
  verifying: Verifying,
): Signed<Settings> {
  return decodeNamed(name, 'settings', ({ number, id }) => {
    const { record, signer } = openSigned('settings', id, bytes, verifying);
    requireOwnerKey(signer);
    const reader = new RecordReader(record, tags);
    requireNumber(reader, 8, number);
    const packTarget = reader.optionalNumber(1);
    if (packTarget !== undefined && (packTarget < 1 || packTarget > maximumPackTarget)) {
      throw new MalformedError('Pack target out of bounds');
    }
    const trust = trustRules[(reader.optionalNumber(2) ?? 1) - 1];
    if (trust === undefined) throw new MalformedError('Trust rule is not known');
    const value: Settings = {
      number,
      id,
      packTarget,
      trust,
      keepLast: reader.optionalNumber(3) ?? defaultSettings.keepLast,
      keepDays: reader.optionalNumber(4) ?? defaultSettings.keepDays,
      requiredToRead: reader.texts(5),
      requiredToWrite: reader.texts(6),
      optional: reader.texts(7),
    };
    return { value, signer };
  });
}

/** The settings that count: the largest number, then the larger id. */
export function newestSettings(all: Iterable<Settings>): Settings | undefined {
  let newest: Settings | undefined;
  for (const settings of all) {
    if (
      newest === undefined ||
      settings.number > newest.number ||
      (settings.number === newest.number && settings.id > newest.id)
    ) {
      newest = settings;
    }
  }
  return newest;
}
