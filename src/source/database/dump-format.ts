/** What a dump is written in; it can be told from its first bytes. */
export type DumpFormat =
  | 'postgresql-plain'
  | 'postgresql-custom'
  | 'postgresql-directory'
  | 'postgresql-globals'
  | 'mysql'
  | 'sqlite'
  | 'redis'
  | 'mongodb';

interface FormatFacts {
  /** What it is called in sentences. */
  readonly title: string;
  /** Of file names, with the dot. */
  readonly extension: string;
  readonly begins: (head: Buffer) => boolean;
  /** Whether the last bytes are those of a complete dump; formats that show it otherwise have none. */
  readonly ends?: (tail: Buffer) => boolean;
}

const lineIn =
  (line: string) =>
  (bytes: Buffer): boolean =>
    `\n${bytes.toString('latin1')}`.includes(`\n${line}`);

/** `ustar`, where a tar has it. */
const isTar = (head: Buffer): boolean => head.subarray(257, 262).toString('latin1') === 'ustar';

export const dumpFormats: Readonly<Record<DumpFormat, FormatFacts>> = {
  'postgresql-plain': {
    title: 'PostgreSQL dump (plain)',
    extension: '.sql',
    begins: lineIn('-- PostgreSQL database dump'),
    ends: lineIn('-- PostgreSQL database dump complete'),
  },
  'postgresql-custom': {
    title: 'PostgreSQL dump (custom)',
    extension: '.dump',
    begins: (head) => head.subarray(0, 5).toString('latin1') === 'PGDMP',
  },
  'postgresql-directory': {
    title: 'PostgreSQL dump (directory)',
    extension: '.tar',
    begins: isTar,
    ends: (tail) => tail.length >= 1024 && tail.subarray(-1024).every((byte) => byte === 0),
  },
  'postgresql-globals': {
    title: 'PostgreSQL roles and tablespaces',
    extension: '.sql',
    begins: lineIn('-- PostgreSQL database cluster dump'),
    ends: lineIn('-- PostgreSQL database cluster dump complete'),
  },
  mysql: {
    title: 'MariaDB or MySQL dump',
    extension: '.sql',
    // Before it newer versions of mariadb-dump have a line that enters the sandbox mode of their client.
    begins: (head) =>
      /^(?:\/\*.*\*\/;?[ \t]*\r?\n)?-- (?:MariaDB|MySQL) dump /u.test(head.toString('latin1')),
    ends: lineIn('-- Dump completed'),
  },
  sqlite: {
    title: 'SQLite database',
    extension: '',
    begins: (head) => head.subarray(0, 16).toString('latin1') === 'SQLite format 3\0',
  },
  redis: {
    title: 'Redis dump',
    extension: '.rdb',
    begins: (head) => /^REDIS\d{4}/u.test(head.subarray(0, 9).toString('latin1')),
  },
  mongodb: {
    title: 'MongoDB archive',
    extension: '.archive',
    begins: (head) => head.subarray(0, 4).equals(Buffer.from([0x6d, 0xe2, 0x99, 0x81])),
    ends: (tail) => tail.subarray(-4).equals(Buffer.alloc(4, 0xff)),
  },
};

/** So many bytes tell what a dump is, and so many whether it is complete. */
export const headLength = 512;
export const tailLength = 2048;

/** What begins like this; `undefined` if it is none of them. */
export function recogniseDump(head: Uint8Array): DumpFormat | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, headLength));
  for (const [format, { begins }] of Object.entries(dumpFormats)) {
    if (begins(bytes)) return format as DumpFormat;
  }
  return undefined;
}
