import { AppError } from '../../../base/errors.ts';

/** One object of a listing. */
export interface ListedBlob {
  readonly key: string;
  readonly size: number;
  readonly modified: number;
}

export interface BlobPage {
  readonly blobs: readonly ListedBlob[];
  /** Where the next page begins; empty after the last one. */
  readonly marker: string;
}

/**
 * Reads the answer of "List Blobs" (Microsoft, "List Blobs", response body). Throws `storage/unavailable` for one that is not whole:
 * a page that was cut off must not look like the last one.
 */
export function parseBlobPage(xml: string, action: string): BlobPage {
  const marker = /<NextMarker\s*\/>|<NextMarker>(?<marker>[^<]*)<\/NextMarker>/u.exec(xml);
  if (marker === null || !/<\/EnumerationResults>\s*$/u.test(xml)) {
    throw new AppError(
      'storage/unavailable',
      `Cannot ${action}: the answer of the service is not a whole listing`,
    );
  }
  const blobs: ListedBlob[] = [];
  for (const [, blob = ''] of xml.matchAll(/<Blob>(.*?)<\/Blob>/gsu)) {
    // Accounts with directories list them as objects.
    if (textOf(blob, 'ResourceType') === 'directory') continue;
    const size = Number(textOf(blob, 'Content-Length') ?? Number.NaN);
    const modified = Date.parse(textOf(blob, 'Last-Modified') ?? '');
    const key = keyIn(blob);
    if (key === undefined || !Number.isSafeInteger(size) || Number.isNaN(modified)) {
      throw new AppError(
        'storage/unavailable',
        `Cannot ${action}: an object of the listing has no name, size or time`,
      );
    }
    blobs.push({ key, size, modified });
  }
  return { blobs, marker: unescaped(marker.groups?.['marker'] ?? '') };
}

function keyIn(blob: string): string | undefined {
  const found = /<Name(?<encoded> Encoded="true")?>(?<name>[^<]*)<\/Name>/u.exec(blob)?.groups;
  const name = found?.['name'];
  if (name === undefined) return undefined;
  const key = unescaped(name);
  // Names that XML cannot hold come percent-encoded.
  return found?.['encoded'] === undefined ? key : decodeURIComponent(key);
}

function textOf(xml: string, element: string): string | undefined {
  return new RegExp(`<${element}>([^<]*)</${element}>`, 'u').exec(xml)?.[1];
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

function unescaped(text: string): string {
  return text.replaceAll(
    /&(?:#x([0-9a-f]+)|#([0-9]+)|([a-z]+));/giu,
    (whole, hex, decimal, name) => {
      if (typeof name === 'string') return entities[name] ?? whole;
      return String.fromCodePoint(
        Number.parseInt(hex ?? decimal, typeof hex === 'string' ? 16 : 10),
      );
    },
  );
}
