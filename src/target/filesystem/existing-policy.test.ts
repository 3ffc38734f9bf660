import assert from 'node:assert/strict';
import { test } from 'node:test';

import { plainEntry } from '#test/support/sample-entry.ts';

import type { Entry, EntryType } from '../../model/entry.ts';
import { actionFor, type ExistingPolicy, type RestoreAction } from './existing-policy.ts';
import type { ExistingEntry } from './target-entry.ts';

function entry(changes: Partial<Entry> = {}): Entry {
  return {
    ...plainEntry,
    mtime: { seconds: 100, nanoseconds: 5 },
    size: 10,
    ...changes,
  };
}

function existing(changes: Partial<ExistingEntry> = {}): ExistingEntry {
  return { ...entry(), isMountPoint: false, device: 1, inode: 1n, ...changes };
}

const device = { type: 'character-device', deviceMajor: 1, deviceMinor: 5 } as const;
const link = (target: string) => ({ type: 'symlink' as const, linkTarget: Buffer.from(target) });
const older = { seconds: 100, nanoseconds: 4 };
const newer = { seconds: 100, nanoseconds: 6 };

const cases: readonly [
  policy: ExistingPolicy,
  there: ExistingEntry | undefined,
  wanted: Entry,
  action: RestoreAction,
][] = [
  ['never', undefined, entry(), 'create'],
  ['never', existing({ size: 3 }), entry(), 'skip'],
  ['never', existing({ type: 'directory' }), entry({ type: 'directory' }), 'skip'],
  ['always', undefined, entry(), 'create'],
  ['always', existing(), entry(), 'update'],
  ['always', existing({ links: 2 }), entry(), 'replace'],
  ['always', existing({ type: 'directory' }), entry({ type: 'directory' }), 'keep'],
  ['always', existing({ type: 'directory' }), entry(), 'replace'],
  ['always', existing({ type: undefined }), entry(), 'replace'],
  ['always', existing(), entry({ type: 'directory' }), 'replace'],
  ['always', existing({ type: 'fifo' }), entry({ type: 'fifo' }), 'keep'],
  ['always', existing({ type: 'fifo', links: 2 }), entry({ type: 'fifo' }), 'replace'],
  ['always', existing({ ...device, deviceMinor: 3 }), entry({ ...device, deviceMinor: 3 }), 'keep'],
  ['always', existing({ ...device, deviceMinor: 3 }), entry(device), 'replace'],
  ['always', existing(link('a')), entry(link('a')), 'keep'],
  ['always', existing(link('a')), entry(link('b')), 'replace'],
  ['if-changed', existing(), entry(), 'keep'],
  ['if-changed', existing({ links: 2 }), entry(), 'replace'],
  ['if-changed', existing({ mtime: newer }), entry(), 'update'],
  ['if-changed', existing({ size: 11 }), entry(), 'update'],
  ['if-newer', existing({ mtime: older }), entry(), 'update'],
  ['if-newer', existing(), entry(), 'skip'],
  ['if-newer', existing({ mtime: newer, size: 3 }), entry(), 'skip'],
  ['if-newer', existing({ mtime: newer, type: 'fifo' as EntryType }), entry(), 'skip'],
];

for (const [policy, there, wanted, action] of cases) {
  const what =
    there === undefined ? 'nothing' : `a ${String(there.type)} with ${there.links} names`;
  test(`with "${policy}", ${what} is met by ${wanted.type}: ${action}`, () => {
    assert.equal(actionFor(policy, there, wanted), action);
  });
}
