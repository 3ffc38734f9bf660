/** The names of all objects of a repository (docs/formats/native.md, section 2). Ids are 32, hashes 64 lower-case hexadecimal digits. */
export type ObjectName =
  | { readonly type: 'description' }
  | { readonly type: 'settings'; readonly number: number; readonly id: string }
  | { readonly type: 'key'; readonly id: string }
  | { readonly type: 'host'; readonly id: string; readonly number: number }
  | { readonly type: 'pack' | 'index'; readonly hash: string }
  | { readonly type: 'final' | 'seal' | 'forget' | 'audit'; readonly id: string }
  | { readonly type: 'pending'; readonly runId: string; readonly number: number }
  | { readonly type: 'tombstone'; readonly runId: string }
  /** Left alone: other programs' objects under reserved folders. */
  | { readonly type: 'reserved' };

/** What a listing asks for. */
export const objectPrefixes = {
  settings: 'settings/',
  key: 'keys/',
  host: 'hosts/',
  pack: 'packs/',
  index: 'index/',
  final: 'snapshots/',
  seal: 'seals/',
  forget: 'forgets/',
  pending: 'pending/',
  tombstone: 'tombstones/',
  audit: 'audits/',
} as const;

export const descriptionName = 'holdfast';

const reserved = ['parity/', 'receipts/'];
const decimal = '(0|[1-9][0-9]{0,14})';
const id = '([0-9a-f]{32})';
const hash = '([0-9a-f]{64})';

const settingsForm = new RegExp(`^settings/${decimal}-${id}$`, 'u');
const hostForm = new RegExp(`^hosts/${id}\\.${decimal}$`, 'u');
const pendingForm = new RegExp(`^pending/${id}-${decimal}$`, 'u');
const packForm = new RegExp(`^packs/([0-9a-f]{2})/${hash}$`, 'u');
const indexForm = new RegExp(`^index/${hash}$`, 'u');
const plainForm = new RegExp(`^(keys|snapshots|seals|forgets|audits|tombstones)/${id}$`, 'u');

/** What an object's name says; `undefined` for a foreign one, which is reported and never deleted. */
export function parseObjectName(name: string): ObjectName | undefined {
  if (name === descriptionName) return { type: 'description' };
  if (reserved.some((prefix) => name.startsWith(prefix))) return { type: 'reserved' };
  const pack = packForm.exec(name);
  if (pack !== null) {
    const [, prefix = '', digest = ''] = pack;
    return digest.startsWith(prefix) ? { type: 'pack', hash: digest } : undefined;
  }
  const index = indexForm.exec(name);
  if (index !== null) return { type: 'index', hash: index[1] ?? '' };
  const plain = plainForm.exec(name);
  if (plain !== null) return plainName(plain[1] ?? '', plain[2] ?? '');
  const settings = settingsForm.exec(name);
  if (settings !== null) {
    return { type: 'settings', number: Number(settings[1]), id: settings[2] ?? '' };
  }
  const host = hostForm.exec(name);
  if (host !== null) return { type: 'host', id: host[1] ?? '', number: Number(host[2]) };
  const pending = pendingForm.exec(name);
  if (pending !== null) {
    return { type: 'pending', runId: pending[1] ?? '', number: Number(pending[2]) };
  }
  return undefined;
}

function plainName(folder: string, text: string): ObjectName | undefined {
  switch (folder) {
    case 'keys':
      return { type: 'key', id: text };
    case 'snapshots':
      return { type: 'final', id: text };
    case 'seals':
      return { type: 'seal', id: text };
    case 'forgets':
      return { type: 'forget', id: text };
    case 'audits':
      return { type: 'audit', id: text };
    case 'tombstones':
      return { type: 'tombstone', runId: text };
    default:
      return undefined;
  }
}

export function settingsName(number: number, settingsId: string): string {
  return `${objectPrefixes.settings}${number}-${settingsId}`;
}

export function keySlotName(slotId: string): string {
  return objectPrefixes.key + slotId;
}

export function hostName(hostId: string, number: number): string {
  return `${objectPrefixes.host}${hostId}.${number}`;
}

export function packName(digest: string): string {
  return `${objectPrefixes.pack}${digest.slice(0, 2)}/${digest}`;
}

export function indexName(digest: string): string {
  return objectPrefixes.index + digest;
}

export function finalName(snapshotId: string): string {
  return objectPrefixes.final + snapshotId;
}

export function sealName(snapshotId: string): string {
  return objectPrefixes.seal + snapshotId;
}

export function forgetName(forgetId: string): string {
  return objectPrefixes.forget + forgetId;
}

export function pendingName(runId: string, number: number): string {
  return `${objectPrefixes.pending}${runId}-${number}`;
}

export function tombstoneName(runId: string): string {
  return objectPrefixes.tombstone + runId;
}

export function auditName(auditId: string): string {
  return objectPrefixes.audit + auditId;
}
