import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import fc from 'fast-check';

import { checkDump } from './check-dump.ts';
import { type DumpFormat, dumpFormats, recogniseDump } from './dump-format.ts';
import { withDatabaseProperties } from './mysql/database-properties.ts';
import { withoutSandboxLine } from './mysql/sandbox-line.ts';

const filler = 'INSERT INTO t VALUES (1);\n'.repeat(200);
const texts: Partial<Record<DumpFormat, string>> = {
  'postgresql-plain': `--\n-- PostgreSQL database dump\n--\n\n\\restrict x\n${filler}--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x\n\n`,
  'postgresql-globals': `--\n-- PostgreSQL database cluster dump\n--\n\n${filler}--\n-- PostgreSQL database cluster dump complete\n--\n\n`,
  mysql: `/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib 10.11\n--\n${filler}-- Dump completed\n`,
};

function tar(): Buffer {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-test-'));
  try {
    writeFileSync(path.join(directory, 'toc.dat'), filler);
    return execFileSync('tar', ['-C', directory, '-cf', '-', '.']);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const samples: Readonly<Record<DumpFormat, Buffer>> = {
  'postgresql-plain': Buffer.from(texts['postgresql-plain']!),
  'postgresql-globals': Buffer.from(texts['postgresql-globals']!),
  mysql: Buffer.from(texts.mysql!),
  'postgresql-custom': Buffer.from(`PGDMP\u0001\u000e${filler}`, 'latin1'),
  'postgresql-directory': tar(),
  sqlite: Buffer.from(`SQLite format 3\0${filler}`),
  redis: Buffer.from(`REDIS0010${filler}`),
  mongodb: Buffer.concat([
    Buffer.from([0x6d, 0xe2, 0x99, 0x81]),
    Buffer.from(filler),
    Buffer.alloc(4, 0xff),
  ]),
};

async function* pieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let begin = 0;
  for (const cut of cuts.toSorted((a, b) => a - b)) {
    yield bytes.subarray(begin, Math.min(cut, bytes.length));
    begin = Math.min(cut, bytes.length);
  }
  yield bytes.subarray(begin);
}

const read = async (stream: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
};

test('each format is recognised by its beginning', () => {
  for (const [format, bytes] of Object.entries(samples)) assert.equal(recogniseDump(bytes), format);
  assert.equal(recogniseDump(Buffer.from('SELECT 1;')), undefined);
  assert.equal(recogniseDump(Buffer.alloc(0)), undefined);
});

test('a complete dump passes as it is, in whatever pieces it comes', async () => {
  for (const [format, bytes] of Object.entries(samples)) {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 8 }), async (cuts) => {
        const passed = await read(checkDump(pieces(bytes, cuts), format as DumpFormat, 'The dump'));
        assert.ok(passed.equals(bytes));
      }),
      { numRuns: 30 },
    );
  }
});

test('one that broke off never passes where its format shows it', async () => {
  for (const [name, bytes] of Object.entries(samples)) {
    const format = name as DumpFormat;
    if (dumpFormats[format].ends === undefined) continue;
    // From where the last line is cut; a tar ends with more zeros than it needs.
    const whole =
      format === 'postgresql-directory'
        ? bytes.findLastIndex((byte) => byte !== 0) + 1024
        : bytes.length - (format === 'mongodb' ? 1 : 45);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole), async (length) => {
        await assert.rejects(
          read(checkDump(pieces(bytes.subarray(0, length), [100]), format, 'The dump')),
          {
            code: 'database/failed',
          },
        );
      }),
      { numRuns: 60 },
    );
  }
});

test('nothing at all is no dump, nor is something else', async () => {
  for (const format of Object.keys(samples) as DumpFormat[]) {
    await assert.rejects(read(checkDump(pieces(Buffer.alloc(0), [0, 0]), format, 'The dump')), {
      message: 'The dump is empty',
    });
    const other = Buffer.concat([Buffer.from('pg_dump: warning\n'.repeat(40)), samples[format]]);
    await assert.rejects(read(checkDump(pieces(other, []), format, 'The dump')), {
      message: /^The dump does not begin like a /u,
    });
  }
});

test('the sandbox line of MariaDB is taken away, whatever pieces it comes in, and nothing else is', async () => {
  const whole = samples.mysql;
  const rest = whole.subarray(whole.indexOf(0x0a) + 1);
  for (const cut of [1, 5, 30, 41, 42, 43, 60, 3000]) {
    assert.ok((await read(withoutSandboxLine(pieces(whole, [cut])))).equals(rest), String(cut));
    assert.ok((await read(withoutSandboxLine(pieces(rest, [cut])))).equals(rest), String(cut));
  }
  assert.equal((await read(withoutSandboxLine(pieces(Buffer.from('x'), [])))).toString(), 'x');
});

test('the properties of a database stand behind the title of its dump', async () => {
  const text = texts.mysql!;
  const title = '-- MariaDB dump 10.19  Distrib 10.11\n';
  const expected = text.replace(title, `${title}ALTER DATABASE CHARACTER SET x COLLATE y;\n`);
  for (const cut of [1, 43, 44, 60, 79, 80, 81, 3000]) {
    const made = await read(
      withDatabaseProperties(pieces(Buffer.from(text), [cut]), ' CHARACTER SET x COLLATE y'),
    );
    assert.equal(made.toString(), expected, String(cut));
    assert.equal(recogniseDump(made), 'mysql');
  }
  const other = 'no dump\n'.repeat(1000);
  assert.equal(
    (await read(withDatabaseProperties(pieces(Buffer.from(other), [10]), ' X'))).toString(),
    other,
  );
});
