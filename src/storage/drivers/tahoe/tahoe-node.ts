import { AppError } from '../../../base/errors.ts';

/** What the web interface of a node says of something (`?t=json`). */
export type TahoeNode =
  | { readonly kind: 'file'; readonly size: number | undefined; readonly modified?: number }
  | { readonly kind: 'directory'; readonly children: ReadonlyMap<string, TahoeNode> }
  | { readonly kind: 'unknown' };

/** Reads `["filenode", {…}]` or `["dirnode", {…}]`. Throws `storage/unavailable` for anything else. */
export function parseNode(json: unknown, action: string): TahoeNode {
  if (!Array.isArray(json) || json.length !== 2) throw misunderstood(action);
  const [kind, facts] = json as readonly unknown[];
  if (!isRecord(facts)) throw misunderstood(action);
  if (kind === 'filenode') {
    const { size } = facts;
    const modified = modifiedOf(facts['metadata']);
    return {
      kind: 'file',
      // Of a mutable file only the node that asks for it alone is told the size.
      size: typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : undefined,
      ...(modified !== undefined && { modified }),
    };
  }
  if (kind !== 'dirnode') return { kind: 'unknown' };
  // A directory within a listing comes without its own children.
  const children = facts['children'] ?? {};
  if (!isRecord(children)) throw misunderstood(action);
  return {
    kind: 'directory',
    children: new Map(
      Object.entries(children).map(([name, child]) => [name, parseNode(child, action)]),
    ),
  };
}

/** When the entry was last changed; Tahoe gives seconds. */
function modifiedOf(metadata: unknown): number | undefined {
  const tahoe = isRecord(metadata) ? metadata['tahoe'] : undefined;
  const seconds = isRecord(tahoe) ? tahoe['linkmotime'] : undefined;
  return typeof seconds === 'number' ? Math.round(seconds * 1000) : undefined;
}

/** The bytes of the file that a capability stands for, which is part of it; `undefined` for other capabilities. */
export function sizeOfCapability(capability: string): number | undefined {
  const [, size] = /^URI:CHK:[a-z2-7]+:[a-z2-7]+:[0-9]+:[0-9]+:([0-9]+)$/u.exec(capability) ?? [];
  if (size !== undefined) return Number(size);
  // A small file is in its capability, five bits a character.
  const [, literal] = /^URI:LIT:([a-z2-7]*)$/u.exec(capability) ?? [];
  return literal === undefined ? undefined : Math.floor((literal.length * 5) / 8);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function misunderstood(action: string): AppError {
  return new AppError('storage/unavailable', `Cannot ${action}: the answer cannot be understood`, {
    hint: 'Look whether the option "url" leads to a Tahoe node',
  });
}
