import { AppError } from '../../base/errors.ts';

/**
 * Names of objects on services that do not tell upper case from lower case, reserve characters and names, and normalise Unicode. Every
 * byte (of UTF-8) that such a service could change, refuse or mistake is written as `!` and two hexadecimal digits; small letters,
 * digits, `.`, `_`, `-`, and letters of other scripts that have no case stay as they are. The names of our own format need no escape.
 */
export const nameStyles = ['escaped', 'plain'] as const;

export type NameStyle = (typeof nameStyles)[number];

/** How the objects of a destination are named on the service. */
export interface NameCodec {
  /** The path on the service, its parts joined by `/`. Throws `input/invalid` for a name that cannot be stored there. */
  encode(name: string): string;
  /** The name of an object; `undefined` when no name is encoded so: somebody else has put it there. */
  decode(path: string): string | undefined;
  /** Whether names that differ by case only are different objects. */
  readonly keepsCase: boolean;
}

export function nameCodec(style: NameStyle): NameCodec {
  if (style === 'plain') return plain;
  return escaped;
}

const escaped: NameCodec = {
  encode: (name) => name.split('/').map(encodePart).join('/'),
  decode(path) {
    const name = path.split('/').map(decodePart).join('/');
    return escaped.encode(name) === path ? name : undefined;
  },
  keepsCase: true,
};

const forbidden = /["*:<>?\\|\p{Cc}]|^ |[. ]$|^~|\/$/u;

const plain: NameCodec = {
  encode(name) {
    const wrong = name.split('/').find((part) => forbidden.test(part));
    if (wrong === undefined) return name;
    throw new AppError(
      'input/invalid',
      `Cannot use ${JSON.stringify(name)} as an object name: the service does not allow "${wrong}"`,
      { hint: 'With "names=escaped" every name can be used' },
    );
  },
  decode: (path) => path,
  keepsCase: false,
};

/** Device names of Windows, which OneDrive refuses with and without an ending, and what both services keep for themselves. */
const reserved =
  /^(?:(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)|desktop\.ini$|thumbs\.db$|\.lock$|\.dropbox|forms$)/u;

function encodePart(part: string): string {
  // Characters that are stable alone may still join: then no other script is left as it is.
  const stable = part.normalize('NFC') === part;
  let encoded = '';
  for (const character of part) {
    const kept = /^[a-z0-9._ -]$/u.test(character) || (stable && isCaseless(character));
    encoded += kept ? character : escapesOf(character);
  }
  if (reserved.test(encoded) || encoded.startsWith(' '))
    encoded = escapesOf(encoded.charAt(0)) + encoded.slice(1);
  if (/[. ]$/u.test(encoded)) encoded = encoded.slice(0, -1) + escapesOf(encoded.slice(-1));
  return encoded.replaceAll('_vti_', '!5fvti_');
}

/** Letters and digits beyond ASCII that no folding and no normalisation changes. */
function isCaseless(character: string): boolean {
  return (
    /^[\p{L}\p{N}]$/u.test(character) &&
    character.length === 1 &&
    character > '\u007F' &&
    character.toLowerCase() === character &&
    character.toUpperCase() === character &&
    character.normalize('NFKD') === character.normalize('NFC')
  );
}

function decodePart(part: string): string {
  const bytes: Buffer[] = [];
  for (const [piece, digits] of part.matchAll(/!([0-9a-f]{2})|[^!]+|!/gu))
    bytes.push(digits === undefined ? Buffer.from(piece, 'utf8') : Buffer.from(digits, 'hex'));
  return Buffer.concat(bytes).toString('utf8');
}

function escapesOf(character: string): string {
  return Array.from(
    Buffer.from(character, 'utf8'),
    (byte) => `!${byte.toString(16).padStart(2, '0')}`,
  ).join('');
}
