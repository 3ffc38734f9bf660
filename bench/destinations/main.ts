/**
 * `npm run bench:destinations [-- NAME …]`: transfers to real servers on loopback beside rclone, and backup and restore over a line with a
 * round trip of 30 ms. Writes docs/benchmark-destinations.md when everything was measured.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { missingPrograms } from '../../test/servers/required-programs.ts';
import { tcpProxy } from '../../test/support/tcp-proxy.ts';
import { forgetDeletedFiles } from '../files.ts';
import { type Measurement, measure } from '../measure.ts';
import { SeededRandom } from '../seeded-random.ts';
import { program, transfer } from '../published-program.ts';
import { type Service, type ServiceKind, serviceKinds } from './services.ts';

const mebibyte = 1024 ** 2;
/** What is wanted: the time of rclone, divided by ours; and ours over the slow line, divided by ours on a local disk. */
const wanted = { throughput: 0.8, slowBackup: 1.5, slowRestore: 2 };
/** Half of the round trip, in milliseconds. */
const delay = 15;

/** How often each program does the same; the median counts. */
const rounds = 3;

const root = fileURLToPath(new URL('../../', import.meta.url));
/** With the options of bin/holdfast. */
const [, nodeOptions = ''] = /^options='(.*)'$/mu.exec(readFileSync(program, 'utf8')) ?? [];
const ownTransfer = [process.execPath, ...nodeOptions.split(' '), transfer];

/** The sets of objects: one that is streamed, some of the size of packs, many small ones. */
const sets: Readonly<Record<string, string>> = {
  stream: 'one object of 512 MiB',
  packs: '16 objects of 32 MiB',
  small: '1,000 objects of 16 KiB',
};

/** As fast as it can: as many transfers at once as we make, and no program on the server to compare hashes. */
const rcloneCopy = [
  'rclone',
  'copy',
  '--transfers',
  '16',
  '--checkers',
  '16',
  '--sftp-disable-hashcheck',
];

interface Row {
  readonly service: string;
  readonly what: string;
  readonly own: Measurement;
  /** `undefined` where the other program failed. */
  readonly other: Measurement | undefined;
  readonly limit: number;
  readonly met: boolean;
}

const names = process.argv.slice(2);
const chosen = serviceKinds.filter(({ name }) => names.length === 0 || names.includes(name));
// In memory where that can be: the disk would be measured otherwise. Servers take their place from the environment.
const disk = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
const inMemory = '/dev/shm';
if (existsSync(inMemory)) process.env['TMPDIR'] = inMemory;
const work = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
const transfers: Row[] = [];
const slow: Row[] = [];
try {
  makeData();
  forgetDeletedFiles();
  for (const kind of chosen) {
    const missing = missingPrograms([...kind.programs, 'rclone'], {});
    if (missing !== false) throw new Error(missing);
    await using service = await kind.start();
    transfers.push(...(await throughput(kind, service)));
    if (kind.name === 'sftp' || kind.name === 'webdav' || kind.name === 's3')
      slow.push(...(await overSlowLine(kind, service)));
  }
} finally {
  for (const directory of [work, disk]) rmSync(directory, { recursive: true, force: true });
}
const page = report(transfers, slow);
process.stdout.write(`\n${page}`);
if (names.length === 0) writeFileSync(join(root, 'docs/benchmark-destinations.md'), page);

/** The sets, and a tree of 5,000 small files. */
function makeData(): void {
  const random = new SeededRandom(7);
  const bytes = (length: number): Buffer => {
    const filled = Buffer.alloc(length);
    random.fill(filled);
    return filled;
  };
  for (const set of Object.keys(sets)) mkdirSync(join(work, set));
  writeFileSync(join(work, 'stream', 'object'), bytes(512 * mebibyte));
  for (let index = 0; index < 16; index++)
    writeFileSync(join(work, 'packs', `object-${index}`), bytes(32 * mebibyte));
  for (let index = 0; index < 1000; index++)
    writeFileSync(join(work, 'small', `object-${index}`), bytes(16 * 1024));
  for (let index = 0; index < 5000; index++) {
    const folder = join(disk, 'tree', `folder-${index % 50}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file-${index}`), bytes(4096 + (index % 7) * 3000));
  }
}

async function throughput(kind: ServiceKind, service: Service): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [set, content] of Object.entries(sets)) {
    const source = join(work, set);
    for (const direction of ['put', 'get'] as const) {
      const target = join(work, 'target');
      const local = direction === 'put' ? source : target;
      const programs = {
        own: (place: string) =>
          timed([...ownTransfer, direction, service.url(place, service.port), local], {
            ...service.environment,
          }),
        // Debian's rclone does not get along with every server.
        other: (place: string) =>
          timed(inOrder(direction, local, service.rclonePath(place)), {
            ...service.rclone,
            RCLONE_CONFIG: join(work, 'rclone.conf'),
          }).catch((error: unknown) => {
            say(
              `${kind.name}: ${direction} ${content}: rclone failed: ${String(error).slice(0, 300)}`,
            );
            return undefined;
          }),
      };
      const made: { own: Measurement[]; other: Measurement[] } = { own: [], other: [] };
      for (let round = 0; round < rounds; round++) {
        for (const who of ['own', 'other'] as const) {
          rmSync(target, { recursive: true, force: true });
          mkdirSync(target);
          // What is there already need not be sent; what was sent first is fetched.
          const place = `${who}-${set}-${direction === 'put' ? round : 0}`;
          const measured = await programs[who](place);
          if (measured !== undefined) made[who].push(measured);
        }
      }
      const own = median(made.own)!;
      const other = median(made.other);
      const what = `${direction} ${content}`;
      const met = other === undefined || other.seconds / own.seconds >= wanted.throughput;
      rows.push({ service: kind.name, what, own, other, limit: wanted.throughput, met });
      say(
        `${kind.name}: ${what}: ${own.seconds.toFixed(2)} s, rclone ${other?.seconds.toFixed(2) ?? '–'} s`,
      );
    }
  }
  return rows;
}

function inOrder(direction: 'put' | 'get', local: string, remote: string): readonly string[] {
  return direction === 'put' ? [...rcloneCopy, local, remote] : [...rcloneCopy, remote, local];
}

/** The one in the middle by time. */
function median(measured: readonly Measurement[]): Measurement | undefined {
  return measured.toSorted((a, b) => a.seconds - b.seconds)[measured.length >> 1];
}

/** Backup and restore of the tree over a line with a delay, beside the same on the local disk. */
async function overSlowLine(kind: ServiceKind, service: Service): Promise<Row[]> {
  await using proxy = await tcpProxy(service.port, { delay });
  const source = join(disk, 'tree');
  const far = await journey(service.url('slow', proxy.port), source, service.environment);
  const near = await journey(mkdtempSync(join(disk, 'repository-')), source, {});
  return (['backup', 'restore'] as const).map((what) => {
    const limit = what === 'backup' ? wanted.slowBackup : wanted.slowRestore;
    const [own, other] = [far[what], near[what]];
    say(
      `${kind.name}, 30 ms: ${what} ${own.seconds.toFixed(2)} s, local ${other.seconds.toFixed(2)} s`,
    );
    return {
      service: kind.name,
      what,
      own,
      other,
      limit,
      met: own.seconds / other.seconds <= limit,
    };
  });
}

async function journey(
  url: string,
  source: string,
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly backup: Measurement; readonly restore: Measurement }> {
  // Nothing is deleted before the end: see `forgetDeletedFiles`.
  const home = mkdtempSync(join(disk, 'home-'));
  const target = mkdtempSync(join(disk, 'target-'));
  const own = { HOME: home, HOLDFAST_PASSPHRASE: 'benchmark', ...environment };
  await timed([program, 'init', url], own);
  const backup = await timed([program, 'backup', '--quiet', source, url], own);
  // What this machine remembers must not help: a restore is done on a new one.
  const another = { ...own, HOME: mkdtempSync(join(disk, 'home-')) };
  const restore = await timed([program, 'restore', '--quiet', '--target', target, url], another);
  return { backup, restore };
}

function timed(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Measurement> {
  const all = {
    PATH: process.env['PATH'] ?? '',
    HOME: work,
    // As bin/holdfast has it.
    NODE_COMPILE_CACHE: join(work, 'code'),
    MALLOC_ARENA_MAX: '1',
    MALLOC_MMAP_THRESHOLD_: '16000000',
    MALLOC_TRIM_THRESHOLD_: '64000000',
    ...environment,
  };
  const options = { directory: work, environment: all, signal: new AbortController().signal };
  return measure(command, options, join(work, 'time'));
}

function report(transfersMade: readonly Row[], slowMade: readonly Row[]): string {
  const seconds = (measured?: Measurement): string =>
    measured === undefined ? 'failed' : `${measured.seconds.toFixed(2)} s`;
  const memory = (measured?: Measurement): string =>
    measured === undefined ? '–' : `${Math.round(measured.peakBytes / mebibyte)} MiB`;
  const ratio = (dividend?: Measurement, divisor?: Measurement): string =>
    dividend === undefined || divisor === undefined
      ? '–'
      : `${(dividend.seconds / divisor.seconds).toFixed(2)} ×`;
  const verdict = (met: boolean): string => (met ? 'met' : '**missed**');
  const transferRows = transfersMade.map(({ service, what, own, other, limit, met }) => [
    service,
    what,
    seconds(own),
    seconds(other),
    ratio(other, own),
    `at least ${limit} ×: ${verdict(met)}`,
    memory(own),
    memory(other),
  ]);
  const slowRows = slowMade.map(({ service, what, own, other, limit, met }) => [
    service,
    what,
    seconds(own),
    seconds(other),
    ratio(own, other),
    `at most ${limit} ×: ${verdict(met)}`,
  ]);
  const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
    [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  return `# Benchmark of the destinations

Made by \`npm run bench:destinations\`: whole processes, real servers on loopback, everything on one machine.

- Date: ${new Date().toISOString().slice(0, 10)}
- Machine: ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}

## Transfers, beside rclone

Speed is the time of \`${rcloneCopy.join(' ')}\` divided by ours, with data and servers in memory and
the median of ${rounds} runs by turns. Objects of 32 MiB are sent as a backup sends packs: whole, from memory, at most four at once.

${table(['protocol', 'what', 'Holdfast', 'rclone', 'speed', 'wanted', 'memory', 'memory of rclone'], transferRows)}

## A line with a round trip of 30 ms

Backup and restore of 5,000 small files (65 MB), beside the same in a directory of the local disk.

${table(['protocol', 'what', 'over the line', 'local', 'ratio', 'wanted'], slowRows)}
`;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
